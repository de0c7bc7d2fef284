"""What takes a greeting as Redis does, and answers everything else with the same bytes, whatever it was asked."""
import socket
import threading


class OddRedis:
    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as commands:
            while line := commands.readline():
                words = []
                for _ in range(int(line[1:])):
                    words.append(commands.read(int(commands.readline()[1:]) + 2)[:-2].upper())
                connection.sendall({b"CLIENT": b"+OK\r\n", b"CLUSTER": b"-ERR cluster support disabled\r\n"}.get(words[0], self.answer))

    def close(self):
        self.listener.close()
