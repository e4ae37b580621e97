"""Types lines into a real interactive shell on a terminal of its own, presses the tab key, and prints what is shown.

  completions_type.py bash|zsh FOLDER < LINES

FOLDER holds the completions. For each line of LINES: "= LINE", then every word on the screen after the tab key. A line
that the shell completed shows as its new text. One shell serves all lines.
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items -1'; bind 'set page-completions off'; "
             "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; . {folder}/ses-collector.bash"),
    "zsh": (["zsh", "-f", "-i"],
            "unsetopt beep list_beep prompt_sp auto_menu list_types; unset zle_bracketed_paste; LISTMAX=2000; "
            "fpath=({folder} $fpath); autoload -U compinit; compinit -D -u"),
}
DEADLINE = 20  # seconds for one answer


class Shell:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="vt100", PS1="", PROMPT="", HOME=os.getcwd(), LC_ALL="C.UTF-8", HISTFILE="/dev/null")
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 900, 250, 0, 0))

    def send(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, mark):
        said, end = "", time.monotonic() + DEADLINE
        while mark not in said:
            if time.monotonic() > end:
                sys.exit(f"no answer from the shell in {DEADLINE} s; it said: {said!r}")
            if select.select([self.fd], [], [], 0.2)[0]:
                said += os.read(self.fd, 65536).decode(errors="replace")
        return said

    def ended(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def clean(said):
    said = re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]?|\x1b[=>]", " ", said)
    return re.sub(r".\x08|[\x00\x07\x08\r]", " ", said)


def main():
    name, folder = sys.argv[1], os.path.abspath(sys.argv[2])
    command, setup = SHELLS[name]
    shell = Shell(command)
    shell.send(setup.format(folder=folder) + "; echo rea''dy\n")
    shell.read_until("ready")
    for number, line in enumerate(sys.stdin.read().splitlines()):
        # A second tab shows the list where the first one has added what all have in common.
        shell.send(line + "\t\t")
        time.sleep(0.05)
        # To the line's begin, and made a comment: nothing of it runs.
        shell.send(f"\x01: '\x05'; echo en''d-{number}\n")
        said = shell.read_until(f"end-{number}\r")
        print("=", line)
        print("\n".join(clean(said.split("echo en''d")[0]).split()))
    shell.send("exit\n")
    shell.ended()


main()
