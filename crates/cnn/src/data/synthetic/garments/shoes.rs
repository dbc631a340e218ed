//! Shoes, from the side: they stand on y = 100 and look to the left.

use rand::Rng;

use super::Stuff::{Cloth, Plain};
use super::Garment;

pub(super) fn sandal(g: &mut Garment) {
    let heel = match g.rng.gen_range(0..3) {
        0 => g.within(3.0, 9.0),
        1 => g.within(12.0, 26.0),
        _ => g.within(28.0, 48.0),
    };
    let sole = g.within(4.0, 8.0);
    let toe = 96.0 - sole;
    let foot = |x: f32| toe - heel * ((x - 25.0) / 70.0).clamp(0.0, 1.0).powf(1.3);
    let (top, under) = ([2.0, 25.0, 50.0, 75.0, 97.0].map(|x| (x, foot(x))), |x: f32| (x, foot(x) + sole));
    let strap = g.within(4.0, 8.0);
    // What holds the heel, and a strap from there around the ankle; then the sole with its heel.
    let ankle = g.within(13.0, 24.0);
    let back = foot(92.0) - ankle;
    if g.chance(0.75) {
        g.blob(&[(97.0, foot(97.0)), (98.0, back + 2.0), (91.0, back), (84.0, foot(84.0))], Cloth(0.9));
        let front = g.within(52.0, 64.0);
        g.line(&[(94.0, back + 3.0), (78.0, back - 3.0), (front + 4.0, back + 1.0), (front, foot(front))],
            strap, Cloth(1.0));
    }
    let tone = g.within(0.3, 1.0);
    let mut outline = top.to_vec();
    if heel < 27.0 && g.chance(0.6) {
        outline.extend([(97.0, 100.0), (70.0, 100.0), (30.0, 100.0), (4.0, 100.0)]);
    } else {
        outline.extend([under(97.0), under(75.0), under(50.0), under(25.0), under(4.0)]);
        let width = g.within(3.0, 11.0);
        g.piece(&[(97.0 - width, foot(92.0)), (97.0, foot(97.0)), (95.0, 100.0), (95.0 - 0.7 * width, 100.0)],
            Plain(tone));
    }
    g.piece(&outline, if tone > 0.65 { Cloth(0.8) } else { Plain(tone) });
    if g.chance(0.3) {
        // One broad strap, as slides have.
        let (from, to) = (g.within(10.0, 20.0), g.within(44.0, 56.0));
        g.blob(&[(from, toe), (from + 8.0, toe - 17.0), (to - 8.0, foot(to) - 20.0), (to, foot(to))], Cloth(1.0));
        return;
    }
    let (first, slope) = (g.within(6.0, 12.0), g.within(6.0, 18.0));
    for i in 0..g.rng.gen_range(2..5) {
        let from = first + (strap + 5.5) * i as f32;
        let (to, height) = (from + slope, g.within(15.0, 20.0) + 3.0 * i as f32);
        g.line(&[(from, foot(from)), (from + 3.0, foot(from) - 0.6 * height), (to, foot(to) - height)],
            strap, Cloth(1.0));
    }
    if g.chance(0.7) {
        g.line(&[(first + slope, toe - 16.0), (first + slope + 20.0, foot(40.0) - 24.0),
            (first + slope + 34.0, foot(50.0))], strap, Cloth(0.85));
    }
}

pub(super) fn sneaker(g: &mut Garment) {
    let (collar, toe) = (g.within(42.0, 56.0), g.within(70.0, 78.0));
    let tongue = g.within(40.0, 52.0);
    let mut upper = vec![(2.0, 88.0), (4.0, toe + 4.0), (14.0, toe), (30.0, toe - 8.0), (tongue, collar)];
    upper.extend([(tongue + 9.0, collar - 3.0), (74.0, collar + 7.0), (88.0, collar), (96.0, collar + 2.0)]);
    upper.extend([(95.0, 70.0), (98.0, 88.0), (98.0, 88.0), (2.0, 88.0)]);
    g.blob(&upper, Cloth(1.0));
    let sole = g.within(0.0, 1.0);
    let thick = g.within(6.0, 11.0);
    g.piece(&[(1.0, 97.0 - thick), (50.0, 98.0 - thick), (99.0, 95.0 - thick), (98.0, 99.0), (6.0, 99.0)],
        Plain(sole));
    let lace = if g.chance(0.5) { Plain(g.within(0.0, 1.0)) } else { Cloth(0.55) };
    for i in 0..g.rng.gen_range(2..5) {
        let t = i as f32 / 4.0;
        let (x, y) = (32.0 + t * (tongue - 28.0), toe - 8.0 + t * (collar - toe + 12.0));
        g.line(&[(x - 1.0, y + 1.0), (x + 8.0, y + 7.0)], 2.4, lace);
    }
    let mark = if g.chance(0.5) { Plain(g.within(0.0, 1.0)) } else { Cloth(0.6) };
    match g.rng.gen_range(0..4) {
        0 => (0..3)
            .for_each(|i| g.line(&[(52.0 + 8.0 * i as f32, 66.0), (47.0 + 8.0 * i as f32, 84.0)], 3.0, mark)),
        1 => g.line(&[(38.0, 76.0), (48.0, 83.0), (66.0, 76.0), (88.0, 62.0)], 4.0, mark),
        2 => g.piece(&[(82.0, 60.0), (95.0, 58.0), (96.0, 86.0), (78.0, 86.0)], mark),
        _ => (),
    }
    if g.chance(0.5) { g.line(&[(20.0, toe - 2.0), (22.0, 80.0), (14.0, 88.0)], 2.0, Cloth(0.65)); }
    g.line(&[(tongue + 5.0, collar + 1.0), (74.0, collar + 9.0), (90.0, collar + 2.0)], 2.5, Cloth(0.5));
}

pub(super) fn ankle_boot(g: &mut Garment) {
    let top = g.within(4.0, 30.0);
    let (heel, sole) = (g.within(3.0, 20.0), g.within(3.0, 7.0));
    let (front, back) = (g.within(44.0, 54.0), g.within(88.0, 96.0));
    let foot = 97.0 - sole;
    let arch = foot - 0.8 * heel;
    let mut upper = vec![(2.0, foot), (4.0, 80.0), (18.0, 71.0), (36.0, 65.0), (front, 52.0), (front + 2.0, top),
        (front + 2.0, top)];
    upper.extend([(back, top - 2.0), (back, top - 2.0), (back - 2.0, 45.0), (97.0, 70.0), (97.0, arch),
        (97.0, arch)]);
    upper.extend([(66.0, arch + 1.0), (38.0, foot), (2.0, foot), (2.0, foot)]);
    g.blob(&upper, Cloth(1.0));
    let tone = g.within(0.1, 0.8);
    let width = g.within(8.0, 26.0);
    g.piece(&[(1.0, foot - 1.0), (38.0, foot - 1.0), (66.0, arch - 1.0), (97.0, arch - 1.0), (97.0, arch + sole),
        (66.0, arch + sole), (38.0, foot + sole), (4.0, foot + sole)], Plain(tone));
    g.piece(&[(97.0 - width, arch), (97.0, arch), (96.0, 100.0), (97.0 - 0.85 * width, 100.0)], Plain(tone));
    match g.rng.gen_range(0..5) {
        0 => (0..4).for_each(|i| {
            let y = top + 8.0 + (62.0 - top) * i as f32 / 4.0;
            let x = front + 3.0 - 10.0 * (i as f32 / 4.0).powi(3);
            g.line(&[(x - 1.0, y), (x + 9.0, y + 3.0)], 2.6, Cloth(0.5));
        }),
        1 => g.piece(&[(62.0, top + 4.0), (80.0, top + 4.0), (76.0, 60.0), (66.0, 60.0)], Cloth(0.55)),
        2 => g.line(&[(72.0, top), (73.0, 84.0)], 2.0, Cloth(0.45)),
        3 => g.line(&[(front + 1.0, 56.0), (70.0, 60.0), (96.0, 54.0)], 4.0, Cloth(0.6)),
        _ => (),
    }
    if g.chance(0.3) { g.line(&[(front + 2.0, top + 1.0), (back, top)], 6.0, Cloth(1.3)); }
    if g.chance(0.5) { g.line(&[(front - 2.0, 60.0), (56.0, 74.0), (70.0, 86.0)], 1.8, Cloth(0.7)); }
}
