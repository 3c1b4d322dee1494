//! Files of a site: the theme that is read, and the compressed copies that are written.

use std::path::Path;

use crate::base::error::{Error, display_path};
use crate::commands::metric_lines::cores;
use crate::publish::site::{Encoding, LOGO_FILES, SiteFile, THEME_FILE, Theme};
use crate::stream::chunks::process_items;
use crate::system::text_file;

/// Adds the compressed copies of each file, one thread per core.
pub(super) fn with_compressed_copies(mut files: Vec<SiteFile>) -> Result<Vec<SiteFile>, Error> {
    let mut compressed = Vec::with_capacity(files.len() * 2);
    let copies =
        files.iter().flat_map(|file| [Encoding::Brotli, Encoding::Gzip].map(|encoding| Ok((file, encoding))));
    let compress = |(): &mut (), (file, encoding): (&SiteFile, Encoding)| encoding.of(file);
    process_items(copies, vec![(); cores()], compress, |_, copy| {
        compressed.push(copy.map_err(|error| Error::Bug(format!("cannot compress a page: {error}")))?);
        Ok(())
    })?;
    files.extend(compressed);
    Ok(files)
}

/// Reads the folder of a theme; without one, the default theme.
pub(super) fn read_theme(folder: Option<&Path>) -> Result<Theme, Error> {
    let Some(folder) = folder else { return Ok(Theme::default()) };
    let path = folder.join(THEME_FILE);
    // A theme can be a logo only.
    let json = if folder.is_dir() && !path.exists() { b"{}".to_vec() } else { text_file::read_bytes(&path)? };
    let json = text_file::decode(&json)
        .map_err(|reason| Error::Configuration(format!("{}{reason}", display_path(&path))))?;
    let logo = LOGO_FILES.iter().map(|(name, media_type)| (folder.join(name), *media_type));
    let logo = logo.into_iter().find(|(path, _)| path.is_file());
    let logo = logo.map(|(path, media_type)| Ok((media_type, text_file::read_bytes(&path)?))).transpose()?;
    Theme::read(json.as_bytes(), logo.as_ref().map(|(media_type, content)| (*media_type, &**content)))
        .map_err(|reason| Error::Configuration(format!("{}: {reason}", display_path(folder))))
}
