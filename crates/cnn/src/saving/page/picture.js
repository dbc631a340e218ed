// Pictures of one's own: chosen, dropped or pasted.

const MOST_PIXELS = 100e6;

/** Calls `given` with each file that is chosen, dropped or pasted. */
function awaitPictures(given) {
  const input = document.getElementById("file");
  const first = (list) => list && list[0] && given(list[0]);
  input.addEventListener("change", () => {
    first(input.files);
    input.value = ""; // so that the same one can be chosen again
  });
  document.addEventListener("paste", (event) => first(event.clipboardData?.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("drop");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("drop"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("drop");
    first(event.dataTransfer?.files);
  });
}

/** A file as pixels {width, height, data}, turned upright as its EXIF data says, with the bitmap that can be drawn. */
async function pixelsOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new NoDigit(`${file.name} is no picture that this browser can read: save it as PNG or JPEG.`);
  }
  if (bitmap.width * bitmap.height > MOST_PIXELS) throw new NoDigit(`${file.name} has more than 100 million pixels: make it smaller.`);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return { ...pixels(context.getImageData(0, 0, canvas.width, canvas.height)), bitmap };
}

function pixels({ width, height, data }) {
  return { width, height, data };
}

/** Draws a picture as large as the paper allows. */
function showOn(paper, bitmap) {
  const canvas = paper.querySelector("canvas");
  const context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  blank(context);
  context.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  paper.classList.add("shows-picture");
}

/**
 * The picture as the numbers, 0 to 1, of an image [channels, height, width], grey where there is one channel; on white where it is
 * transparent, and stretched, as `image_dataset_from_directory` makes images of pictures.
 */
function imageOf(picture, [channels, height, width]) {
  const levels = (weights) => {
    const [red, green, blue] = weights;
    const plane = grid(picture.width, picture.height);
    for (let place = 0; place < plane.data.length; place++) {
      const pixel = 4 * place;
      const alpha = picture.data[pixel + 3] / 255;
      const level = red * picture.data[pixel] + green * picture.data[pixel + 1] + blue * picture.data[pixel + 2];
      plane.data[place] = level * alpha + 255 * (1 - alpha);
    }
    return resized(plane, width, height, false).data.map((value) => Math.floor(value + 0.5) / 255);
  };
  if (channels === 1) return levels([0.299, 0.587, 0.114]);
  const image = new Float32Array(3 * height * width);
  [[1, 0, 0], [0, 1, 0], [0, 0, 1]].forEach((weights, channel) => image.set(levels(weights), channel * height * width));
  return image;
}
