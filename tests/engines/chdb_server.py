"""The newest ClickHouse, as the Python package chDB has it, behind as much of the HTTP interface as duo-metrics uses.

chdb_server.py FOLDER: keeps its data in the folder, prints its port, and ends with its standard input. It runs in the
folder's process alone, so that the engine is the real one and only the way to it is ours.
"""

import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

# What the HTTP interface takes beside settings.
OF_HTTP = {"database", "query", "wait_end_of_query"}


class Handler(BaseHTTPRequestHandler):
    """One statement a request, as ClickHouse takes it."""

    protocol_version = "HTTP/1.1"
    engine: session.Session

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        parameters = dict(parse_qsl(urlsplit(self.path).query))
        statement = parameters.get("query", "") + "\n" + body.decode()
        try:
            self.engine.query(f"USE {parameters['database']}")
            settings = {name: value for name, value in parameters.items() if name not in OF_HTTP}
            if self.headers.get("X-ClickHouse-User") == "reader":
                # As for a user with `readonly = 1`, who may not change any setting either.
                if settings:
                    raise PermissionError("Code: 164. DB::Exception: Cannot modify settings in readonly mode")
                statement += " SETTINGS readonly = 1"
            for name, value in settings.items():
                self.engine.query(f"SET {name} = {value}")
            status, answer = 200, self.engine.query(statement).bytes() or b""
        except Exception as error:  # noqa: BLE001: what the engine says is the answer
            status, answer = 500, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    Handler.engine = session.Session(sys.argv[1])
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
