//! Bytes as people have them at hand: base64 in either alphabet, hexadecimal, PEM, a file, a pipe.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

use super::Failure;
use crate::crypto::envelope::SPKI_BYTES;

/// No envelope is larger, in whichever way it is written.
const INPUT_BYTES: u64 = 256 * 1024;

/// An envelope's bytes.
pub(super) fn bytes_of(given: &str) -> Result<Vec<u8>, Failure> {
    if let Some(bytes) = from_text(given) {
        return Ok(bytes);
    }
    let content = content(given)?;
    let text = std::str::from_utf8(&content).ok().and_then(from_text);
    Ok(text.unwrap_or(content))
}

/// A public key's SPKI.
pub(super) fn public_key(given: &str) -> Result<Vec<u8>, Failure> {
    if let Some(bytes) = from_text(given).filter(|bytes| bytes.len() == SPKI_BYTES) {
        return Ok(bytes);
    }
    let content = content(given)?;
    if let Ok(spki) = SubjectPublicKeyInfoDer::from_pem_slice(&content) {
        return Ok(spki.as_ref().to_vec());
    }
    let text = std::str::from_utf8(&content).ok().and_then(from_text);
    Ok(text.unwrap_or(content))
}

fn content(given: &str) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    if given == "-" {
        std::io::stdin().take(INPUT_BYTES).read_to_end(&mut content)?;
    } else {
        let path = Path::new(given);
        let file = fs::File::open(path).map_err(|error| {
            format!("it is neither base64 nor hexadecimal, nor a file that can be read: {error}")
        })?;
        file.take(INPUT_BYTES).read_to_end(&mut content)?;
    }
    Ok(content)
}

/// Hexadecimal or base64, with line breaks or without; nothing for what is neither.
fn from_text(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    if text.is_empty() {
        return None;
    }
    if text.len().is_multiple_of(2) && text.bytes().all(|sign| sign.is_ascii_hexdigit()) {
        let digit = |sign: u8| char::from(sign).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        return text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?)).collect();
    }
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let read = |alphabet| GeneralPurpose::new(&alphabet, config).decode(&text).ok();
    read(STANDARD).or_else(|| read(URL_SAFE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_however_they_are_written() {
        for text in ["fbff", "FBFF", "f b\nff", "+/8=", "+/8", "-_8", "-_8=\n"] {
            assert_eq!(from_text(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        for text in ["", " ", "fb ff!", "/tmp/envelope.bin"] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}
