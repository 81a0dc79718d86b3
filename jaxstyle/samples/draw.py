"""Draw the three style pictures bundled with jaxstyle: `python jaxstyle/samples/draw.py OUTDIR`.

Everything is computed from seeded noise with NumPy and Pillow at twice the final size, then reduced for antialiasing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT, SCALE = 768, 600, 2
W, H = WIDTH * SCALE, HEIGHT * SCALE


def rgb(*codes: str) -> np.ndarray:
    """Hex colour codes as an (n, 3) array in 0..255."""
    return np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in codes], dtype=np.float32)


def noise(rng: np.random.Generator, nx: int, ny: int, octaves: int = 1) -> np.ndarray:
    """Smooth noise of unit deviation from grids of nx x ny random cells; each octave twice as fine, half as strong."""
    total = np.zeros((H, W), np.float32)
    for o in range(octaves):
        grid = rng.standard_normal((ny * 2**o + 3, nx * 2**o + 3)).astype(np.float32)
        total += np.asarray(Image.fromarray(grid).resize((W, H), Image.Resampling.BICUBIC)) / 2**o
    return total / total.std()


def ramp(t: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Colours interpolated along t in 0..1."""
    x = np.clip(t, 0, 1) * (len(colours) - 1)
    i = np.minimum(x.astype(int), len(colours) - 2)
    f = (x - i)[..., None]
    return colours[i] * (1 - f) + colours[i + 1] * f


def mix(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """a where t is 0, b where t is 1."""
    return a + (b - a) * np.clip(t, 0, 1)[..., None]


def step(x: np.ndarray, edge: np.ndarray | float, soft: float) -> np.ndarray:
    """0 below edge, 1 above it, with a smooth transition of half-width soft."""
    t = np.clip((x - edge) / (2 * soft) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def relief(height: np.ndarray) -> np.ndarray:
    """Light from the upper left on a height map: positive on slopes that face it."""
    gy, gx = np.gradient(height)
    return gx + gy


def finish(picture: np.ndarray) -> Image.Image:
    """Reduce to the final size."""
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def swirls() -> Image.Image:
    """Impasto: brush strokes along the level lines of a stream function, over a night sky, hills and a wheat field."""
    rng = np.random.default_rng(1889)
    y, x = np.mgrid[0:H, 0:W].astype(np.float32)
    # (x, y, radius, strength): two great eddies, then lights with halos.
    eddies = [(560, 400, 230, 1.5), (980, 520, 150, -1.1)]
    lights = [(1290, 210, 120), (180, 170, 70), (800, 150, 64), (330, 560, 52), (1180, 560, 50), (1010, 250, 44)]
    psi, glow = y / 150 + 0.35 * np.sin(x / 210 + 0.8) + 0.25 * noise(rng, 5, 4), np.full((H, W), 9.0, np.float32)
    for ex, ey, er, k in eddies:
        psi += k * 2.2 * np.exp(-((x - ex) ** 2 + (y - ey) ** 2) / (2 * er**2))
    for lx, ly, lr in lights:
        d = np.hypot(x - lx, y - ly) / lr
        psi += 2.6 * np.exp(-(d**2) / 2)
        glow = np.minimum(glow, d)

    horizon = 800 + 45 * np.sin(x / 170 + 1) + 30 * np.sin(x / 71)
    field = 960 + 50 * np.sin(x / 330 + 2.4) - x * 0.05
    angle = np.arctan2(-np.gradient(psi, axis=1), np.gradient(psi, axis=0))
    angle = np.where(y > horizon, 0.5 * np.cos(x / 150 + y / 90) - 0.1, angle)
    angle = np.where(y > field, -1.15 + 0.55 * np.sin(x / 160 + y / 240) + 0.25 * noise(rng, 9, 5), angle)
    ripple = (y - field) / 170 + 0.22 * np.sin(x / 120) + 0.2 * noise(rng, 8, 6)

    night = rgb("0b1640", "12296e", "1c4aa8", "3f7fd0", "8fc3e0", "d6e6d0", "2a5fb8", "142f7c", "0b1640")
    halo = rgb("fffbe0", "fff0a0", "ffd23c", "f0a818", "e0b850", "9cc0a0", "4f8fc8", "1f4fa8")
    hills = rgb("071029", "0d2440", "124048", "1f6a5c", "0d2440", "2b4a90", "0a1833")
    grain = rgb("7a3408", "b8680c", "e09a10", "f8cc38", "fdeb9c", "f0b020", "a8781a", "4a6a3a", "7a3408")

    def paint(px: np.ndarray, py: np.ndarray) -> np.ndarray:
        """A colour for each stroke that starts at (px, py)."""
        jitter = rng.standard_normal(len(px))
        base = ramp((psi[py, px] * 0.9 + 0.09 * jitter) % 1, night)
        g = glow[py, px] + 0.13 * jitter
        base = mix(base, ramp(g / 2.3, halo), 1 - step(g, 2.15, 0.35))
        base = np.where((py > horizon[py, px])[:, None], ramp(((py - horizon[py, px]) / 75 + 0.16 * jitter) % 1, hills), base)
        base = np.where((py > field[py, px])[:, None], ramp((ripple[py, px] + 0.11 * jitter) % 1, grain), base)
        return base * (1 + 0.07 * rng.standard_normal((len(px), 1))) + 5 * rng.standard_normal((len(px), 3))

    canvas, height = Image.new("RGB", (W, H), (14, 30, 84)), Image.new("L", (W, H), 90)
    draw, press = ImageDraw.Draw(canvas), ImageDraw.Draw(height)
    # (strokes, points, bristles, bristle width): underpainting, body, then detail.
    for count, points, bristles, width in ((2600, 14, 9, 6), (6500, 12, 7, 5), (6500, 10, 5, 4)):
        px, py = rng.uniform(-60, W + 60, count), rng.uniform(-60, H + 60, count)
        colour = paint(np.clip(px, 0, W - 1).astype(int), np.clip(py, 0, H - 1).astype(int))
        path, normal = np.empty((count, points, 2)), np.empty((count, points, 2))
        for k in range(points):
            a = angle[np.clip(py, 0, H - 1).astype(int), np.clip(px, 0, W - 1).astype(int)]
            path[:, k], normal[:, k] = np.stack([px, py], 1), np.stack([-np.sin(a), np.cos(a)], 1)
            px, py = px + 1.6 * width * np.cos(a), py + 1.6 * width * np.sin(a)
        level = rng.uniform(70, 150, count)
        for s in range(count):
            for b in rng.permutation(bristles):
                across = (b - (bristles - 1) / 2) / (bristles / 2)
                first, last = rng.integers(0, 3), points - rng.integers(0, 3)
                line = path[s, first:last] + normal[s, first:last] * (across * bristles * width * 0.36)
                line = [(u, v) for u, v in line.tolist()]
                tone = np.clip(colour[s] * (1 + 0.09 * rng.standard_normal()), 0, 255).astype(int)
                ridge = level[s] + 60 * (1 - across**2) + 24 * rng.standard_normal()
                for brush, paste in ((draw, tuple(tone.tolist())), (press, int(np.clip(ridge, 0, 255)))):
                    brush.line(line, paste, width, "curve")
                    for ex, ey in (line[0], line[-1]):
                        brush.ellipse((ex - width / 2, ey - width / 2, ex + width / 2, ey + width / 2), paste)

    soft = height.resize((WIDTH, HEIGHT), Image.Resampling.BOX).resize((W, H), Image.Resampling.BICUBIC)
    light = np.clip(relief(np.asarray(soft, np.float32)) / 26, -1.2, 1.2)[..., None]
    picture = np.asarray(canvas, np.float32) * (1 + 0.42 * light) + 26 * np.maximum(light - 0.25, 0) * np.array([1, 0.97, 0.85])
    return finish(picture)


def glass() -> Image.Image:
    """Stained glass: warped Voronoi panes around two suns and over leaf-like drifts, in lead of varying width."""
    rng = np.random.default_rng(1245)
    y, x = np.mgrid[0:H, 0:W].astype(np.float32)
    suns, sites, kinds = [(1060.0, 420.0, 7), (330.0, 830.0, 5)], [], []
    for n, (sx, sy, rings) in enumerate(suns):
        radius = 0.0
        for ring in range(rings):
            around = max(1, 8 * ring if ring < 3 else 10 + 4 * ring)
            for k in range(around):
                a = 2 * np.pi * (k + 0.5 * (ring % 2)) / around + 0.05 * rng.standard_normal()
                sites, kinds = [*sites, (sx + radius * np.cos(a), sy + radius * np.sin(a))], [*kinds, 10 * n + ring]
            radius += 42 + 9 * ring
    for _ in range(9000):
        p = rng.uniform((-60, -60), (W + 60, H + 60))
        room = 46 + 44 * (0.5 + 0.5 * np.sin(p[0] / 190 + p[1] / 130))
        if min(np.hypot(p[0] - q[0], p[1] - q[1]) for q in sites) > room:
            sites, kinds = [*sites, (p[0], p[1])], [*kinds, 99]
    pts = np.array(sites, np.float32)

    calm = np.minimum.reduce([np.hypot(x - sx, y - sy) for sx, sy, _ in suns])
    sway = 7 + 22 * step(calm, 330, 120)
    wx, wy = x + sway * noise(rng, 6, 5), y + sway * noise(rng, 6, 5)
    first, second = np.full((H, W), 1e9, np.float32), np.full((H, W), 1e9, np.float32)
    owner, other = np.zeros((H, W), int), np.zeros((H, W), int)
    for i, (sx, sy) in enumerate(pts):
        d = (wx - sx) ** 2 + (wy - sy) ** 2
        nearer, next_ = d < first, (d >= first) & (d < second)
        second = np.where(nearer, first, np.where(next_, d, second))
        other = np.where(nearer, owner, np.where(next_, i, other))
        first, owner = np.where(nearer, d, first), np.where(nearer, i, owner)
    edge = (second - first) / (2 * np.linalg.norm(pts[owner] - pts[other], axis=-1) + 1e-3)

    sun_colours = rgb("fff3b0", "ffd84a", "ffb01e", "f47a12", "e03a16", "b3122a", "7a0f4a")
    rose_colours = rgb("fff0d0", "ff9ab0", "e8286a", "a3126e", "5a1a8c", "2f1f9a", "2f1f9a")
    drift = rgb("1238b8", "1a64e8", "2a9cf0", "48d8e0", "a8f0dc", "18b088")
    drift = np.vstack([drift, rgb("0c8048", "58c040", "f0e048", "2a6cf0", "6a2cc8", "1238b8")])
    flow = 0.5 + 0.5 * np.sin(pts[:, 0] / 300 + 1.2 * np.sin(pts[:, 1] / 200) + pts[:, 1] / 260)
    pane = ramp(flow + 0.13 * rng.standard_normal(len(pts)), drift)
    for i, kind in enumerate(kinds):
        if kind < 99:
            pane[i] = (sun_colours if kind < 10 else rose_colours)[kind % 10]
        elif rng.random() < 0.09:
            pane[i] = rgb("e8182c", "ffc21e", "f4f0d8", "ff7a1a")[rng.integers(4)]
    pane *= 1 + 0.14 * rng.standard_normal((len(pts), 1))

    tilt = rng.uniform(0, 2 * np.pi, len(pts))[owner]
    across = ((wx - pts[owner, 0]) * np.cos(tilt) + (wy - pts[owner, 1]) * np.sin(tilt)) / 60
    streak = np.where(np.sin(tilt) > 0, noise(rng, 16, 160, 2), noise(rng, 160, 16, 2))
    glow = 0.94 + 0.46 * np.clip(edge / 30, 0, 1) + 0.22 * across + 0.10 * streak + 0.10 * noise(rng, 60, 48, 3)
    picture = pane[owner] * glow[..., None] + 110 * np.clip(glow - 1.12, 0, 1)[..., None]
    lead = np.clip(5 + 1.6 * noise(rng, 14, 11) + 1.5 * step(calm, 420, 80), 3.5, 10)
    bar = np.clip(edge / lead, 0, 1)
    metal = 12 + 70 * (1 - bar) ** 3 + 1.0 * relief(-np.sqrt(np.clip(1 - bar**2, 0, 1)) * 60) + 5 * noise(rng, 200, 160)
    picture *= 0.72 + 0.28 * step(edge, lead + 4, 5)[..., None]
    return finish(mix(metal[..., None] * np.array([0.9, 0.95, 1.1]), picture, step(edge, lead, 1.2)))


def waves() -> Image.Image:
    """Woodblock print: ranks of cusped waves with carved parallel lines and foam, a red sun, on grained paper."""
    rng, sky = np.random.default_rng(1831), np.random.default_rng(22)
    y, x = np.mgrid[0:H, 0:W].astype(np.float32)
    cream, ink, red = rgb("f3e4c0", "14213f", "d2402a")
    wood = noise(rng, 3, 60, 2) + 0.6 * noise(rng, 8, 240)
    picture = mix(np.broadcast_to(cream, (H, W, 3)), rgb("e0a24a")[0], step(y, 330, 300) * 0.75)
    picture = mix(picture, rgb("2b4f86")[0], 1 - step(y, 40 + 12 * wood, 90))
    sun = np.hypot(x - 1090, y - 330)
    drift = (y + 26 * noise(rng, 4, 3) - 90 * np.exp(-((sun / 230) ** 2)) * np.sign(330 - y)) / 19
    cut = (1 - step(np.abs(drift % 1 - 0.5) * 19, 1.6 + 0.9 * noise(rng, 14, 60), 1)) * step(noise(rng, 9, 40), -0.25, 0.2)
    picture = mix(picture, rgb("b8642c")[0], cut * step(y, 60, 60) * 0.9)
    picture = mix(mix(picture, cream, 1 - step(sun, 192, 1.5)), red, 1 - step(sun, 175, 1.5))
    # Clouds: level lines of a stretched height field.
    cloud = noise(sky, 3, 9, 2) - np.abs(y - 230) / 260 + 0.15
    picture = mix(picture, cream, step(cloud, 0.25, 0.02) * 0.95)
    ring = np.abs((cloud * 5) % 1 - 0.5) / (np.hypot(*np.gradient(cloud * 5)) + 1e-4)
    picture = mix(picture, rgb("3a5f92")[0], (1 - step(ring, 2.6, 1)) * step(cloud, 0.2, 0.02))

    tones = rgb("e8d9b0", "9dbcc0", "4f86a8", "24558c", "1b3a70", "142a58")
    for rank in range(7):
        t, pitch, lobe = rank / 6, 15 + 17 * rank / 6, 15 + 11 * rank / 6
        length, tall = 190 + 330 * t, 60 + 150 * t
        phase = (x + rng.uniform(0, length) + 30 * t * noise(rng, 4, 3)) / length
        lean = phase + 0.16 * np.clip((y - 380 - 110 * rank) / tall, -1, 1)
        crest = np.abs(np.sin(np.pi * lean)) ** 0.8
        depth = y - (470 + 95 * rank + tall * (crest - 0.5)) + 10 * noise(rng, 10, 6)
        bend = depth + 0.35 * pitch * noise(rng, 7, 5)
        tone = tones[np.clip(1 + rank // 2 + (np.floor(bend / pitch).astype(int) * 2 + rank) % 3, 0, 5)]
        near, carve = np.abs((bend / pitch) % 1 - 0.5) * pitch, 3.8 + 1.5 * t + 1.1 * noise(rng, 26, 20) - 2.2 * crest
        white = (1 - step(np.abs(near - pitch * 0.22), carve * 0.7, 1)) * step(noise(rng, 16, 14), -0.3, 0.2)
        colour = mix(mix(tone, cream, white), ink, 1 - step(near, carve, 1))
        scallop = np.abs(np.sin(np.pi * (x + 9 * noise(rng, 20, 16)) / (1.5 * lobe)))
        edge = 8 + 10 * t + lobe * (0.4 + scallop**0.6) + 22 * t * np.clip(noise(rng, 12, 9), -0.5, 2) * crest
        colour = mix(np.broadcast_to(rgb("fbf3dc")[0], (H, W, 3)), colour, step(depth, edge, 1.2))
        colour = mix(colour, ink, 1 - step(np.abs(depth - edge), 1.6 + t, 1))
        colour = mix(colour, rgb("6f9fb8")[0], 1 - step(np.abs(depth - edge * 0.55), 1.2 + 0.6 * t, 1))
        colour = mix(colour, ink, 1 - step(depth, 4 + 2 * t, 1))
        picture = mix(picture, colour, step(depth, 0, 1.2))
    return finish(picture * (1 + 0.035 * wood + 0.03 * noise(rng, 560, 440))[..., None])


PICTURES = {"swirls": swirls, "glass": glass, "waves": waves}


def main() -> None:
    """Write every picture into the directory named on the command line."""
    out = Path(*sys.argv[1:2])
    out.mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        picture().save(out / f"{name}.jpg", quality=90, optimize=True)


if __name__ == "__main__":
    main()
