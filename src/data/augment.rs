//! Crops and flips, done on bytes while a batch is gathered.

use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::ImageShape;
use crate::streams::below;

/// Black pixels added on each side before a crop.
const PADDING: u32 = 4;

/// How training images are varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Augmentation {
    /// Images as they are.
    None,
    /// Mirrored left to right with probability 1/2.
    Flip,
    /// Padded by 4 black pixels on each side and cropped back at a random place, then flipped as above.
    CropFlip,
}

impl Augmentation {
    /// Black pixels that may come into view on each side.
    pub fn border(self) -> usize {
        match self {
            Augmentation::CropFlip => PADDING as usize,
            Augmentation::None | Augmentation::Flip => 0,
        }
    }
}

/// What happens to one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variation {
    /// Rows by which the image moves down, −4..=4.
    pub down: i32,
    /// Columns by which it moves right, −4..=4.
    pub right: i32,
    /// Mirrored left to right, before it moves.
    pub flipped: bool,
}

impl Variation {
    /// The image as it is.
    pub const NONE: Variation = Variation {
        down: 0,
        right: 0,
        flipped: false,
    };

    /// Draws a variation; each of the 9 × 9 crops is equally likely.
    pub fn draw(augmentation: Augmentation, stream: &mut ChaCha8Rng) -> Variation {
        let mut shift = || below(2 * PADDING + 1, stream) as i32 - PADDING as i32;
        let (down, right) = match augmentation {
            Augmentation::CropFlip => (shift(), shift()),
            Augmentation::None | Augmentation::Flip => (0, 0),
        };
        Variation {
            down,
            right,
            flipped: augmentation != Augmentation::None && below(2, stream) == 1,
        }
    }

    /// Writes the varied `image` (C×H×W bytes) over `output`.
    pub fn apply(self, image: &[u8], shape: ImageShape, output: &mut [u8]) {
        if self == Variation::NONE {
            output.copy_from_slice(image);
            return;
        }
        output.fill(0);
        let (height, width) = (shape.height as i32, shape.width as i32);
        for channel in 0..shape.channels {
            let plane = channel * shape.height * shape.width;
            for y in 0..height {
                let source_y = y - self.down;
                if !(0..height).contains(&source_y) {
                    continue;
                }
                let source = &image[plane + (source_y * width) as usize..][..shape.width];
                let target = &mut output[plane + (y * width) as usize..][..shape.width];
                self.shift_row(source, target);
            }
        }
    }

    fn shift_row(self, source: &[u8], target: &mut [u8]) {
        let width = source.len() as i32;
        let first = self.right.max(0);
        let last = (width + self.right).min(width);
        for x in first..last {
            let from = x - self.right;
            let from = if self.flipped { width - 1 - from } else { from };
            target[x as usize] = source[from as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{Purpose, stream};

    const SHAPE: ImageShape = ImageShape {
        channels: 2,
        height: 3,
        width: 4,
    };

    fn image() -> Vec<u8> {
        (1..=24).collect()
    }

    fn varied(variation: Variation) -> Vec<u8> {
        let mut output = vec![99; 24];
        variation.apply(&image(), SHAPE, &mut output);
        output
    }

    #[test]
    fn a_flip_mirrors_every_row_of_every_channel() {
        let flipped = varied(Variation {
            flipped: true,
            ..Variation::NONE
        });
        assert_eq!(flipped[..4], [4, 3, 2, 1]);
        assert_eq!(flipped[20..], [24, 23, 22, 21]);
    }

    #[test]
    fn a_crop_moves_the_image_and_leaves_black() {
        let moved = varied(Variation {
            down: 1,
            right: -2,
            flipped: false,
        });
        assert_eq!(moved[..12], [0, 0, 0, 0, 3, 4, 0, 0, 7, 8, 0, 0]);
        let both = varied(Variation {
            down: 0,
            right: 1,
            flipped: true,
        });
        assert_eq!(both[..4], [0, 4, 3, 2]);
        assert_eq!(
            varied(Variation {
                down: 4,
                right: 4,
                flipped: false
            }),
            vec![0; 24]
        );
    }

    #[test]
    fn all_81_crops_and_both_flips_occur() {
        let mut source = stream(1, Purpose::Augment, 0);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..5000 {
            let v = Variation::draw(Augmentation::CropFlip, &mut source);
            seen.insert((v.down, v.right, v.flipped));
        }
        assert_eq!(seen.len(), 162);
    }
}
