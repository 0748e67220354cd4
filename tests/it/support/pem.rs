//! A public key as `openssl pkey -pubout` writes it.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// PEM (RFC 7468) of a SubjectPublicKeyInfo.
pub fn pem(spki: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PUBLIC KEY-----");
    for (at, chunk) in spki.chunks(3).enumerate() {
        if at % 16 == 0 {
            text.push('\n');
        }
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
            text.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    text + "\n-----END PUBLIC KEY-----\n"
}
