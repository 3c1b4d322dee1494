//! Whether a person watches a standard stream at a terminal: decides on colors and on the progress
//! bar.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};

use crate::base::paint::Painter;

/// Sets when streams have colors. With [`ColorChoice::Auto`], they have them on a terminal, unless
/// `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` or `TERM` decide otherwise.
pub fn set_color(choice: ColorChoice) {
    choice.write_global();
}

/// The painter of standard output.
pub fn stdout_painter() -> Painter {
    Painter::new(AutoStream::choice(&io::stdout()) != ColorChoice::Never)
}

/// The painter of standard error.
pub fn stderr_painter() -> Painter {
    Painter::new(AutoStream::choice(&io::stderr()) != ColorChoice::Never)
}

/// Whether standard error is a terminal that can move its cursor, as a progress bar needs.
pub(super) fn shows_bars() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
