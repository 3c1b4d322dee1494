"""The newest ClickHouse from the Python package chDB, with the parts of the HTTP interface that duo-metrics uses.

chdb_server.py FOLDER: stores its data in the folder, prints its port, and ends when its standard input is closed. The
engine is the real one; only the HTTP server is not.
"""

import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

# Parameters of the HTTP interface that are not settings.
HTTP_PARAMETERS = {"database", "query", "wait_end_of_query"}


class Handler(BaseHTTPRequestHandler):
    """Runs one statement per request, like ClickHouse."""

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
            settings = {name: value for name, value in parameters.items() if name not in HTTP_PARAMETERS}
            if self.headers.get("X-ClickHouse-User") == "reader":
                # Like a user with `readonly = 1`, who may not change settings.
                if settings:
                    raise PermissionError("Code: 164. DB::Exception: Cannot modify settings in readonly mode")
                statement += " SETTINGS readonly = 1"
            for name, value in settings.items():
                self.engine.query(f"SET {name} = {value}")
            status, response = 200, self.engine.query(statement).bytes() or b""
        except Exception as error:  # noqa: BLE001: the error of the engine is the response
            status, response = 500, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

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
