"""GIMP's XCF, flattened as GIMP shows it: visible layers, groups, masks, opacity, blend modes.

An own reader (docs/adr/0012 says why). The few modes that are not known here (CIE LCh, dissolve, erasers) are drawn
as normal; the frame is then marked partial.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from db.pixels import Rgba, canonical
from extract.images.blending import Floats, as_bytes
from extract.images.foreign import foreign
from extract.images.gimp_modes import NORMAL, PASS_THROUGH, layer_mode
from extract.images.interface import Budget, DamagedImageError, DecodedFrame, ImageLimits
from extract.images.xcf_file import INDEXED, TILE, XcfFile, XcfLayer, as_unit

_STORED = {0: "RGB", 1: "L", 2: "P"}
_LINEAR_SPACE = 1
_UNION = 1
_STRIP_PIXELS = 1 << 19


class XcfDecoder:
    """XCF."""

    def preload(self) -> None:
        """Nothing is imported late."""

    def decode(self, path: Path, format_: str, limits: ImageLimits) -> Iterator[DecodedFrame]:
        """Yield the flattened picture. Raises DecodeError's children."""
        file = XcfFile(path.read_bytes())
        header, budget = file.header, Budget(limits)
        budget.canvas(header.width, header.height)
        layers = list(file.layers())
        for layer in layers:
            if layer.visible and not layer.group:
                budget.spend(layer.width, layer.height)
        painter = _Painter(file)
        with foreign():
            rgba = painter.paint(layers)
        mode = _STORED[header.base] + ("" if header.sample == "u1" else f";{8 * int(header.sample[1])}")
        colours = None if file.palette is None or header.base != INDEXED else len(file.palette)
        yield DecodedFrame(0, rgba, mode=mode, palette_size=colours, partial=bool(painter.flaw))
        if painter.flaw:
            raise DamagedImageError(painter.flaw)


@dataclass
class _Node:
    layer: XcfLayer
    inside: list["_Node"] = field(default_factory=list)


def _tree(layers: list[XcfLayer]) -> list[_Node]:
    """Return what is outside all groups, from below to above."""
    by_path = {layer.path: _Node(layer) for layer in layers}
    roots: list[_Node] = []
    for path, node in by_path.items():
        parent = by_path.get(path[:-1])
        (roots if parent is None else parent.inside).append(node)
    for node in by_path.values():
        node.inside.sort(key=lambda child: child.layer.path, reverse=True)
    return sorted(roots, key=lambda child: child.layer.path, reverse=True)


class _Painter:
    """Paints the layers of one file. `flaw`: why the picture is not as GIMP would show it, or nothing.

    A strip at a time, since layers in floating point would need sixteen times the memory of the picture.
    """

    def __init__(self, file: XcfFile) -> None:
        self._file = file
        self._top = 0
        self.flaw = ""

    def paint(self, layers: list[XcfLayer]) -> Rgba:
        """Return the flattened picture."""
        header, tree = self._file.header, _tree(layers)
        rows = max(1, _STRIP_PIXELS // header.width // TILE) * TILE
        strips = []
        for self._top in range(0, header.height, rows):
            canvas = np.zeros((min(rows, header.height - self._top), header.width, 4), np.float32)
            strips.append(as_bytes(self._onto(canvas, tree)))
        return canonical(np.concatenate(strips))

    def _onto(self, canvas: Floats, nodes: list[_Node]) -> Floats:
        for node in nodes:
            if not node.layer.visible:
                continue
            try:
                if node.layer.group:
                    canvas = self._group_onto(canvas, node)
                else:
                    self._layer_onto(canvas, node.layer)
            except DamagedImageError as error:
                self.flaw = self.flaw or f"a layer is left out: {error}"
        return canvas

    def _group_onto(self, canvas: Floats, node: _Node) -> Floats:
        layer = node.layer
        if layer.mode == PASS_THROUGH:
            through = self._onto(canvas.copy(), node.inside)
            return _between(canvas, through, layer)
        inside = self._onto(np.zeros_like(canvas), node.inside)
        top, left, bottom, right = self._seen(canvas, layer)
        if layer.mask and top < bottom:
            mask = self._file.mask(layer.mask, layer.width, layer.height, self._rows(layer, top, bottom))
            inside[top:bottom, left:right, 3] *= mask[:, left - layer.x : right - layer.x]
        self._compose(canvas, inside, layer)
        return canvas

    def _seen(self, canvas: Floats, layer: XcfLayer) -> tuple[int, int, int, int]:
        """Return which part of the strip a layer covers: top, left, bottom, right."""
        height, width = canvas.shape[:2]
        y = layer.y - self._top
        return max(0, y), max(0, layer.x), min(height, y + layer.height), min(width, layer.x + layer.width)

    def _rows(self, layer: XcfLayer, top: int, bottom: int) -> tuple[int, int]:
        """Return a layer's own rows for rows of the strip."""
        return top + self._top - layer.y, bottom + self._top - layer.y

    def _layer_onto(self, canvas: Floats, layer: XcfLayer) -> None:
        top, left, bottom, right = self._seen(canvas, layer)
        if top < bottom and left < right:
            pixels = self._pixels(layer, self._rows(layer, top, bottom))
            self._compose(canvas[top:bottom, left:right], pixels[:, left - layer.x : right - layer.x], layer)

    def _pixels(self, layer: XcfLayer, rows: tuple[int, int]) -> Floats:
        """Return some rows of a layer in sRGB values with its mask applied."""
        base, alpha = layer.kind // 2, layer.kind % 2
        channels = (3 if base == 0 else 1) + alpha
        samples = self._file.samples(layer.tiles, layer.width, layer.height, channels, rows)
        out = np.ones((*samples.shape[:2], 4), np.float32)
        if base == INDEXED:
            palette = self._file.palette
            if palette is None or not len(palette):
                raise DamagedImageError("indexed without a palette")
            index = np.minimum(samples[..., 0].astype(np.intp), len(palette) - 1)
            out[..., :3] = palette[index] / np.float32(255)
            if alpha:
                out[..., 3] = samples[..., 1].astype(np.uint8) > 127
        else:
            values = as_unit(samples)
            out[..., :3] = (
                _encoded(values[..., : channels - alpha])
                if self._file.header.linear
                else values[..., : channels - alpha]
            )
            if alpha:
                out[..., 3] = values[..., -1]
        if layer.mask:
            out[..., 3] *= self._file.mask(layer.mask, layer.width, layer.height, rows)
        return out

    def _compose(self, canvas: Floats, source: Floats, layer: XcfLayer) -> None:
        """Lay pixels of a layer over a part of the canvas, in place."""
        formula, inexact = layer_mode(layer.mode)
        self.flaw = self.flaw or inexact
        above = source[..., 3:] * np.float32(layer.opacity)
        below = canvas[..., 3:].copy()
        colour = source[..., :3]
        to, back = _space(layer.composite_space)
        union = layer.mode in NORMAL or layer.composite == _UNION
        if formula is not None:
            into, out_of = _space(layer.blend_space)
            with np.errstate(all="ignore"):
                blended = out_of(formula(into(canvas[..., :3]), into(colour)))
            weight = below if union else np.float32(1)
            colour = colour + (blended - colour) * weight
        alpha = above + below * (1 - above) if union else below
        share = np.divide(above, alpha, out=np.zeros_like(above), where=alpha > 0) if union else above
        if ((share > 0) & (share < 1)).any():
            mixed = back(to(canvas[..., :3]) * (1 - share) + to(colour) * share)
        else:
            mixed = np.where(share > 0, colour, canvas[..., :3])
        canvas[..., :3], canvas[..., 3:] = mixed, alpha


def _between(below: Floats, above: Floats, layer: XcfLayer) -> Floats:
    """Return what an opacity of a pass-through group leaves between its inside and what lies below it."""
    if layer.opacity == 1:
        return above
    to, back = _space(layer.composite_space)
    share = np.float32(layer.opacity)
    alpha = below[..., 3:] * (1 - share) + above[..., 3:] * share
    mixed = to(below[..., :3]) * below[..., 3:] * (1 - share) + to(above[..., :3]) * above[..., 3:] * share
    straight = np.asarray(mixed / np.maximum(alpha, np.float32(1e-6)), np.float32)
    return np.concatenate([back(straight), alpha], axis=-1)


def _decoded(values: Floats) -> Floats:
    """Return linear light of sRGB values (IEC 61966-2-1)."""
    curve = ((np.maximum(values, 0) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(values <= 0.04045, values / np.float32(12.92), curve).astype(np.float32)


def _encoded(light: Floats) -> Floats:
    """Return sRGB values of linear light (IEC 61966-2-1)."""
    curve = np.float32(1.055) * np.maximum(light, 0) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= 0.0031308, light * np.float32(12.92), curve).astype(np.float32)


def _same(values: Floats) -> Floats:
    return values


def _space(number: int) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """Return the ways into and out of a colour space, as GIMP numbers them."""
    return (_decoded, _encoded) if number == _LINEAR_SPACE else (_same, _same)
