"""What a command prints on a terminal, which is as wide as one says."""
import fcntl
import os
import pty
import struct
import subprocess
import termios

from harness.made_store import AGGREGATE
from harness.process import ENVIRONMENT


def on_a_terminal(store, width, *arguments):
    """What a reading command prints of a store."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    child = subprocess.Popen([AGGREGATE, *arguments, f"--store.url=file://{store.directory}"], stdin=subprocess.DEVNULL, stdout=theirs, env=ENVIRONMENT,
                             stderr=subprocess.DEVNULL)
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:  # nobody writes any more
        pass
    os.close(ours)
    assert child.wait(60) == 0
    return text.decode().replace("\r\n", "\n")
