//! What a till scans, as SVG: a QR code of any text, and a payment code as Code 128.
//!
//! Pictures are the app's to draw; these are for shops' counters, tests and the sandbox.

use std::fmt;

use barcoders::generators::svg::SVG;
use barcoders::sym::code128::Code128;
use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode};

/// Chooses character set C of Code 128 in what `barcoders` is given: two digits a symbol.
const DIGITS_IN_PAIRS: char = '\u{0106}';
const BAR_HEIGHT: u32 = 80;
const SIDE: u32 = 240;

/// The text cannot be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSymbol {
    /// A barcode has an even number of digits.
    NotDigits,
    /// More than a QR code holds.
    TooLong,
}

impl fmt::Display for NoSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDigits => "a barcode is made of an even number of digits, such as a payment code's 18",
            Self::TooLong => "the text is too long for a QR code: 2,331 bytes are the most",
        })
    }
}

impl std::error::Error for NoSymbol {}

/// A QR code (ISO/IEC 18004) with error correction level M.
pub fn qr(text: &str) -> Result<String, NoSymbol> {
    let code =
        QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_too_long| NoSymbol::TooLong)?;
    Ok(code.render::<Color<'_>>().min_dimensions(SIDE, SIDE).build())
}

/// A Code 128 barcode (ISO/IEC 15417) of digits, two to a symbol.
pub fn barcode(digits: &str) -> Result<String, NoSymbol> {
    let bars = bars(digits)?;
    SVG::new(BAR_HEIGHT).xdim(2).generate(&bars).map_err(|_never| NoSymbol::NotDigits)
}

/// The barcode's modules: 1 is a bar, 0 a space.
fn bars(digits: &str) -> Result<Vec<u8>, NoSymbol> {
    let are_pairs = !digits.is_empty()
        && digits.len().is_multiple_of(2)
        && digits.len() <= 48
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !are_pairs {
        return Err(NoSymbol::NotDigits);
    }
    let code = Code128::new(format!("{DIGITS_IN_PAIRS}{digits}")).map_err(|_| NoSymbol::NotDigits)?;
    Ok(code.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_code_is_nine_symbols_between_start_checksum_and_stop() {
        let bars = bars("771234567890123456").unwrap();
        assert_eq!(bars.len(), 11 * (1 + 9 + 1) + 13);
        let modules: String = bars.iter().map(|bar| char::from(b'0' + bar)).collect();
        // Start C, then 77 and 12 by the table of ISO/IEC 15417, and at the end the stop pattern.
        assert!(modules.starts_with("110100111001111011101010110011100"), "{modules}");
        assert!(modules.ends_with("1100011101011"));
        assert!(barcode("771234567890123456").unwrap().contains("<svg"));
    }

    #[test]
    fn what_is_no_row_of_pairs_is_refused() {
        for text in ["", "7", "771", "77123456789012345x", "７７", &"12".repeat(25)] {
            assert_eq!(barcode(text), Err(NoSymbol::NotDigits), "{text}");
        }
    }

    #[test]
    fn a_qr_code_holds_a_shops_text_and_a_payment_code() {
        assert!(qr("771234567890123456").unwrap().contains("<svg"));
        assert!(qr(&"x".repeat(512)).is_ok());
        assert_eq!(qr(&"x".repeat(2_332)), Err(NoSymbol::TooLong));
    }
}
