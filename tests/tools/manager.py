#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for systemd: runs one service of Type=notify with a descriptor store.

manager.py COMMAND...

Speaks the protocol of sd_notify(3): READY=1, FDSTORE=1, FDSTOREREMOVE=1, and hands the descriptors that are stored to
each new start of the service as sd_listen_fds(3) says.  Lines of stdin tell what to do: `restart' (SIGTERM, wait, start),
`kill' (SIGKILL, start), `end' (SIGTERM, wait), `start', `stop'.  Prints `ready PID STORED', the number of descriptors it holds, after each start.
"""
import array
import fcntl
import os
import signal
import socket
import sys
import tempfile


class Service:
    def __init__(self, command):
        self.command = command
        self.store = []  # (name, descriptor)
        self.dir = tempfile.TemporaryDirectory()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(self.dir.name + "/notify")
        self.process = None

    def start(self):
        fds = [fd for _, fd in self.store]
        names = ":".join(name for name, _ in self.store)

        def adopt():
            # Out of the way first, then into place.
            moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in fds]
            for i, fd in enumerate(moved):
                os.dup2(fd, 3 + i, inheritable=True)
            os.environ["LISTEN_PID"] = str(os.getpid())
            os.execvp(self.command[0], self.command)

        environment = {"NOTIFY_SOCKET": self.dir.name + "/notify"}
        if fds:
            environment.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
        os.environ.update(environment)
        pid = os.fork()
        if pid == 0:
            adopt()
        for name in environment:
            del os.environ[name]
        self.process = pid
        while not self.handle():
            pass
        print("ready", pid, len(self.store), flush=True)

    def handle(self):
        """Takes one message; True when it says that the service is ready."""
        data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(64 * 4), socket.MSG_CMSG_CLOEXEC)
        fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
        if "FDSTORE" in fields:
            self.store += [(fields.get("FDNAME", "stored"), fd) for fd in fds]
        if "FDSTOREREMOVE" in fields:
            for name, fd in [entry for entry in self.store if entry[0] == fields.get("FDNAME")]:
                self.store.remove((name, fd))
                os.close(fd)
        return fields.get("READY") == "1"

    def end(self, sig):
        os.kill(self.process, sig)
        os.waitpid(self.process, 0)
        self.socket.setblocking(False)
        try:
            while True:
                self.handle()
        except BlockingIOError:
            pass
        self.socket.setblocking(True)


def main():
    service = Service(sys.argv[1:])
    service.start()
    for line in sys.stdin:
        word = line.strip()
        if word != "start":
            service.end(signal.SIGKILL if word == "kill" else signal.SIGTERM)
        if word == "stop":
            break
        if word == "end":
            print("ended", flush=True)
        else:
            service.start()


main()
