//! Global heaps: the collections in which texts of variable length stand.

use super::output::{padded, Collection, Output};

/// HDF5 makes no smaller ones.
const SMALLEST: usize = 4096;
/// The head of a collection, and of an object in it.
const HEAD: usize = 16;

impl Output {
    /// Keeps a text, and returns what stands in its place: its length, the collection's address, its number.
    pub fn text(&mut self, text: &str) -> Vec<u8> {
        let length = (text.len() as u32).to_le_bytes();
        if text.is_empty() {
            return [length.as_slice(), &[0; 12]].concat();
        }
        let content = padded(text.as_bytes());
        let fits = |collection: &Collection| collection.size - collection.used >= HEAD + content.len();
        let mut collection = match self.collection.take().filter(fits) {
            Some(collection) => collection,
            None => self.new_collection(HEAD + HEAD + content.len()),
        };
        collection.objects += 1;
        let head =
            [&collection.objects.to_le_bytes()[..], &[0; 6], &(text.len() as u64).to_le_bytes()].concat();
        self.fill(collection.address + collection.used as u64, &[head, content].concat());
        collection.used = (collection.used + HEAD + text.len()).next_multiple_of(8);
        // What is left is object 0.
        let left = collection.size - collection.used;
        if left >= HEAD {
            let head = [&[0; 8][..], &(left as u64).to_le_bytes()].concat();
            self.fill(collection.address + collection.used as u64, &head);
        }
        let reference =
            [&length[..], &collection.address.to_le_bytes(), &u32::from(collection.objects).to_le_bytes()];
        let reference = reference.concat();
        self.collection = Some(collection);
        reference
    }

    fn new_collection(&mut self, least: usize) -> Collection {
        let size = least.max(SMALLEST);
        let address = self.reserve(size);
        self.fill(address, &[b"GCOL\x01\0\0\0", &(size as u64).to_le_bytes()[..]].concat());
        Collection { address, size, used: HEAD, objects: 0 }
    }
}
