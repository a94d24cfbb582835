"""Starts both proxies once for all cases; a missing program skips them with the reason."""

import pathlib
import sys


sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parent)]
