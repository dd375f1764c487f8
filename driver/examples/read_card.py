#!/usr/bin/env python3
"""Prints the eleven fields of iReadCardBas, a line each.

    read_card.py [LIBRARY] [iType] [gbk|utf-8]
"""
import ctypes
import os
import sys

FIELDS = [
    "region", "social_security_number", "card_number", "identifier", "name", "reset",
    "version", "issued", "expires", "terminal", "device",
]
GREATEST_OUTPUT = 1024


def main(library="libSSCardDriver.so", kind="3", charset="gbk"):
    os.environ["SBKD_DRIVER_CHARSET"] = charset
    driver = ctypes.CDLL(library)
    driver.iReadCardBas.argtypes = [ctypes.c_int, ctypes.c_char_p]
    driver.iReadCardBas.restype = ctypes.c_long
    out = ctypes.create_string_buffer(GREATEST_OUTPUT)
    code = driver.iReadCardBas(int(kind), out)
    # GBK is decoded before it is split: a bar may be the second half of a character. GB18030 has all of GBK.
    text = out.value.decode("gb18030" if charset == "gbk" else charset)
    if code != 0:
        print(code, text)
        return 1
    for name, value in zip(FIELDS, text.split("|")):
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main(*sys.argv[1:]))
