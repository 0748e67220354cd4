//! A QR code for a terminal, in half blocks.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Draws a text as a QR code with its quiet zone; nothing when the text is too long for one.
///
/// The light modules are drawn and the dark ones left out, so that on a dark terminal the code is
/// dark on light, as scanners want it.
pub fn qr(text: &str) -> Option<String> {
    // A screen is not torn or stained: the least correction makes the smallest picture.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let mut picture = code.render::<Dense1x2>();
    Some(picture.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_light_modules_are_drawn_and_four_of_them_surround_the_code() {
        let picture = qr("A").unwrap();
        let lines: Vec<_> = picture.lines().collect();
        // Version 1: 21 modules and the quiet zone, two rows to a line.
        assert_eq!((lines.len(), lines[0].chars().count()), (15, 29));
        assert!(lines[..2].iter().all(|line| line.chars().all(|block| block == '█')));
        // The finder pattern's upper edge: seven dark modules over a light ring.
        assert!(lines[2].starts_with("████ ▄▄▄▄▄ █"), "{}", lines[2]);
    }

    #[test]
    fn what_no_code_holds_is_not_drawn() {
        assert_eq!(qr(&"7".repeat(10_000)), None);
    }
}
