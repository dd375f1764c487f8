#!/usr/bin/env python3
"""Reads a card with the program's own HSM: prints what the HSM is to be asked, and goes on with what it answered.

    hsm_steps.py LIBRARY [iType] [gbk|utf-8]      its answer is one line of standard input; none ends it there
"""
import ctypes
import os
import sys

GREATEST_OUTPUT = 1024


def main(library, kind="3", charset="utf-8"):
    os.environ["SBKD_DRIVER_CHARSET"] = charset
    driver = ctypes.CDLL(library)

    def call(name, argument):
        out = ctypes.create_string_buffer(GREATEST_OUTPUT)
        function = getattr(driver, name)
        function.restype = ctypes.c_long
        code = function(argument, out)
        print(code, out.value.decode("gb18030" if charset == "gbk" else charset), flush=True)
        return code

    for question in iter(lambda: call("iReadCardBas_HSM_Step1", ctypes.c_int(int(kind))), None):
        if question != 0:
            return 1
        answer = sys.stdin.readline().strip()
        if answer != "again":
            return 0 if answer and call("iReadCardBas_HSM_Step2", answer.encode()) == 0 else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main(*sys.argv[1:]))
