//! A small canonical encoding for what is stored as one blob: one way to write a thing, and only
//! that way is read back. The journal's hashes are over these bytes.

use super::record::Corrupt;

/// Writes values one after the other.
#[derive(Debug, Default)]
pub struct Encoder(Vec<u8>);

impl Encoder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One byte.
    #[must_use]
    pub fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// A 64-bit integer, big-endian.
    #[must_use]
    pub fn int(mut self, int: i64) -> Self {
        self.0.extend_from_slice(&int.to_be_bytes());
        self
    }

    /// Bytes whose length the reader knows.
    #[must_use]
    pub fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes of any length, behind their length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("a stored blob is far below 4 GiB");
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// A list, behind its length.
    #[must_use]
    pub fn list<T>(mut self, items: &[T], write: impl Fn(Self, &T) -> Self) -> Self {
        let length = u32::try_from(items.len()).expect("stored lists are bounded");
        self.0.extend_from_slice(&length.to_be_bytes());
        for item in items {
            self = write(self, item);
        }
        self
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads values in the order in which they were written.
#[derive(Debug)]
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    /// Reads `bytes` from their beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(Corrupt)?;
        self.0 = tail;
        Ok(head)
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        Ok(self.fixed::<1>()?[0])
    }

    /// A 64-bit integer.
    pub fn int(&mut self) -> Result<i64, Corrupt> {
        self.fixed().map(i64::from_be_bytes)
    }

    /// Bytes of a known length.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        self.take(N)?.try_into().map_err(|_| Corrupt)
    }

    /// Yes or no.
    pub fn flag(&mut self) -> Result<bool, Corrupt> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Corrupt),
        }
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = u32::from_be_bytes(self.fixed()?);
        self.take(usize::try_from(length).map_err(|_| Corrupt)?)
    }

    /// Text behind its length.
    pub fn text(&mut self) -> Result<String, Corrupt> {
        std::str::from_utf8(self.bytes()?).map(str::to_owned).map_err(|_| Corrupt)
    }

    /// A list behind its length.
    pub fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Corrupt>,
    ) -> Result<Vec<T>, Corrupt> {
        let length = u32::from_be_bytes(self.fixed()?);
        (0..length).map(|_| read(self)).collect()
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), Corrupt> {
        if self.0.is_empty() { Ok(()) } else { Err(Corrupt) }
    }
}
