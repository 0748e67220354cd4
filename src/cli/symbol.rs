//! `saifu symbol`: what a till scans, as SVG on standard output.

use super::{Failure, SymbolKind};
use crate::symbol;

pub(super) fn run(kind: SymbolKind, text: &str) -> Result<(), Failure> {
    let svg = match kind {
        SymbolKind::Qr => symbol::qr(text),
        SymbolKind::Barcode => symbol::barcode(text),
    };
    println!("{}", svg?);
    Ok(())
}
