//! `normalize`: converts raw lines and event exports to flat, validated records.

use std::io::{Read, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::base::error::{Error, Outcome, display_path};
use crate::cli::{NormalizeArgs, RecordFormat};
use crate::commands::pseudonyms::{existing_history, pseudonym_key};
use crate::normalize::dead_letter::DeadLetterFile;
use crate::normalize::mapping::Mapping;
use crate::normalize::normalizer::{Options, normalize};
use crate::normalize::sources::ImportDefaults;
use crate::normalize::writer::{JsonRecords, RecordWriter};
use crate::publish::export::RecordCsvWriter;
use crate::system::files::AtomicFile;
use crate::system::settings::Environment;
use crate::system::summary::Summary;
use crate::system::text_file;

/// Runs the command.
pub fn run(
    args: &NormalizeArgs,
    environment: &Environment,
    stdin: impl Read + Send,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let history = existing_history(environment, args.history.history.as_deref())?;
    let options = Options {
        pseudonyms: pseudonym_key(environment, history.as_ref())?,
        max_rejects: args.rejects.max_rejects,
        mappings: mappings(&args.maps)?,
        import_defaults: ImportDefaults {
            instance: environment.named_instance(args.url.as_deref())?.map(|url| url.as_str().to_owned()),
            scope: args
                .scope
                .as_ref()
                .map(|path| path.trim().trim_matches('/').to_owned())
                .filter(|path| !path.is_empty()),
        },
        threads: args.threads.count(),
    };
    let dead_letters = match &args.dead_letter {
        Some(path) => DeadLetterFile::new(AtomicFile::create(path)?, args.dead_letter_content),
        None => DeadLetterFile::none(),
    };
    match args.format {
        RecordFormat::Jsonl => normalize::<JsonRecords>(&options, stdin, stdout, dead_letters, summary),
        RecordFormat::Csv => normalize::<CsvRecords>(&options, stdin, stdout, dead_letters, summary),
    }
}

/// Reads mapping files, at most one per collector.
fn mappings(paths: &[PathBuf]) -> Result<Vec<Mapping>, Error> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for path in paths {
        let invalid = |why| Error::Configuration(format!("cannot use {}: {why}", display_path(path)));
        let text = text_file::read(path)?;
        let mapping = Mapping::parse(&text).map_err(invalid)?;
        if mappings.iter().any(|other| other.collector() == mapping.collector()) {
            return Err(invalid(format!(
                "another --map file already maps the collector {}",
                mapping.collector()
            )));
        }
        mappings.push(mapping);
    }
    Ok(mappings)
}

/// Records as CSV rows.
struct CsvRecords(RecordCsvWriter<Vec<u8>>);

impl RecordWriter for CsvRecords {
    const SUPPORTS_FAST_PATH: bool = false;

    fn write_header(output: &mut impl Write) -> Result<(), Error> {
        RecordCsvWriter::header(output).map_err(Error::writing)
    }

    fn new(buffer: Vec<u8>) -> CsvRecords {
        CsvRecords(RecordCsvWriter::new(buffer))
    }

    fn into_inner(self) -> Result<Vec<u8>, Error> {
        self.0.into_inner().map_err(Error::writing)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), Error> {
        self.0.write(line).map_err(Error::writing)
    }
}
