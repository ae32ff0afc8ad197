"""What ends TLS in front of a bridge. Standard library and openssl."""

import socket
import ssl
import subprocess
import threading


def make_certificate(path, name):
    """Files of a certificate for `name` that vouches for itself, and of its key."""
    pem, key = path.with_suffix(".pem"), path.with_suffix(".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", pem],
                   check=True, capture_output=True, timeout=30)
    return pem, key


class TlsEndpoint:
    """Passes what it takes from TLS on to the bridge at `target`, and back. With `callers`, a file
    of certificates, only from those."""

    def __init__(self, target, pem, key, callers=None):
        host, _, port = target.rpartition(":")
        self.target = host, int(port)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem, key)
        self.context.set_alpn_protocols(["h2"])
        if callers:
            self.context.load_verify_locations(callers)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with (self.context.wrap_socket(connection, server_side=True) as caller,
                  socket.create_connection(self.target) as bridge):
                back = threading.Thread(target=pass_on, args=(bridge, caller), daemon=True)
                back.start()
                pass_on(caller, bridge)
                back.join()
        except OSError:
            pass  # a caller who went, or whom the handshake refused


def pass_on(source, sink):
    """All that comes, until one of them has no more."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
