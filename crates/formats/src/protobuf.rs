//! Protocol buffers, as far as files are written in them: ONNX models, TensorBoard's events.

/// A message: each field is its number and kind, then its value.
///
/// ```
/// use formats::protobuf::Message;
/// // The documentation's example: field 1 is 150.
/// assert_eq!(Message::default().varint(1, 150).bytes_of(), [0x08, 0x96, 0x01]);
/// ```
///
/// Source: protobuf.dev, "Encoding".
#[derive(Debug, Default, Clone)]
pub struct Message(Vec<u8>);

impl Message {
    /// A whole number, or an enum's value; negative ones as two's complement.
    pub fn varint(mut self, field: u64, value: u64) -> Self {
        self.put(field << 3);
        self.put(value);
        self
    }

    /// A number of 64 bits.
    pub fn double(mut self, field: u64, value: f64) -> Self {
        self.put(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Bytes: also those of several numbers, packed.
    pub fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.put(field << 3 | 2);
        self.put(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// A text.
    pub fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// A message within this one.
    pub fn message(self, field: u64, value: &Message) -> Self {
        self.bytes(field, &value.0)
    }

    /// A number of 32 bits.
    pub fn float(mut self, field: u64, value: f32) -> Self {
        self.put(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// The message as it stands in a file.
    pub fn bytes_of(&self) -> &[u8] {
        &self.0
    }

    /// Seven bits at a time, the lowest first; all bytes but the last have their highest bit set.
    fn put(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_protobufs() {
        // The documentation's examples: field 1 = 150, field 2 = "testing", a message in field 3.
        assert_eq!(Message::default().varint(1, 150).0, [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").0, b"\x12\x07testing");
        let inner = Message::default().varint(1, 150);
        assert_eq!(Message::default().message(3, &inner).0, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(Message::default().varint(1, -2_i64 as u64).0.len(), 11);
    }
}
