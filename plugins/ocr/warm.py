"""Imported by the sandbox's parent where rapidocr reads alone: its models are loaded once, and the
children of all pages have them (92 MB; saves each 0.8 s of processor time). With one thread a
session has none of its own, so it survives the fork."""

from __future__ import annotations

import cv2
import numpy as np

from plugins.ocr import rapid

_SIGN = np.full((80, 400), 255, np.uint8)
cv2.putText(_SIGN, "Exit only", (30, 55), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0,), 3)
rapid.read(_SIGN)
