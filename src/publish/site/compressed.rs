//! Compressed copies of files, which GitLab Pages serves to clients that accept them (GitLab
//! documentation, Pages, "Serving compressed assets").

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::SiteFile;

/// The size in bytes above which compression is fast rather than thorough: `metrics.csv` is large
/// and rarely requested.
const MIN_LARGE_BYTES: usize = 2 << 20;

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `.br`
    Brotli,
    /// `.gz`
    Gzip,
}

impl Encoding {
    /// The copy of a file.
    pub fn of(self, file: &SiteFile) -> io::Result<SiteFile> {
        let SiteFile { path, content } = file;
        let large = content.len() > MIN_LARGE_BYTES;
        Ok(match self {
            Encoding::Brotli => {
                SiteFile { path: format!("{path}.br"), content: brotli(content, if large { 1 } else { 9 })? }
            }
            Encoding::Gzip => {
                SiteFile { path: format!("{path}.gz"), content: gzip(content, if large { 2 } else { 6 })? }
            }
        })
    }
}

fn brotli(content: &[u8], quality: u32) -> io::Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, 22);
    writer.write_all(content)?;
    writer.flush()?;
    Ok(writer.into_inner())
}

fn gzip(content: &[u8], level: u32) -> io::Result<Vec<u8>> {
    // Without time and name in the header, the same input gives the same bytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn compressed_copies_decompress_to_the_file() {
        for content in [Vec::new(), b"figures, figures, figures".repeat(100), vec![7; MIN_LARGE_BYTES + 1]] {
            let file = SiteFile { path: "index.html".into(), content: content.clone() };
            let files =
                [Encoding::Brotli, Encoding::Gzip].map(|copy| copy.of(&file).expect("memory takes it"));
            assert_eq!((&*files[0].path, &*files[1].path), ("index.html.br", "index.html.gz"));
            let mut whole = Vec::new();
            brotli::Decompressor::new(&*files[0].content, 4096).read_to_end(&mut whole).expect("brotli");
            assert_eq!(whole, content);
            whole.clear();
            flate2::read::GzDecoder::new(&*files[1].content).read_to_end(&mut whole).expect("gzip");
            assert_eq!(whole, content);
        }
    }
}
