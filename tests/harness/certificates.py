"""An authority of the tests' own, and what it vouches for: PEM files, made by openssl."""
from harness.process import run


class Authority:
    """`file` is its certificate: what a client or a server is told to trust."""

    def __init__(self, directory, name="authority"):
        self.directory, self.name = directory, name
        directory.mkdir(exist_ok=True)
        self.file = directory / f"{name}.pem"
        self._openssl("req", "-x509", *self._key(name), "-subj", f"/CN={name}", "-days", "2", "-out", self.file)

    def issue(self, name, bears="IP:127.0.0.1", days=2):
        """(certificate, key) for a server that is called as it bears, or a client, which is then CN=`name`; expired where the days
        are less than none."""
        certificate, key, extensions = (self.directory / f"{name}.{end}" for end in ("crt", "key", "ext"))
        request = self.directory / f"{name}.csr"
        extensions.write_text(f"subjectAltName={bears}\n")
        self._openssl("req", *self._key(name), "-subj", f"/CN={name}", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.directory / f"{self.name}.key",
                      "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", certificate)
        return certificate, key

    def bundle(self, name):
        """A server's certificate and key in one file, as Kafka's PEM key stores are."""
        certificate, key = self.issue(name)
        together = self.directory / f"{name}.pem"
        together.write_text(key.read_text() + certificate.read_text())
        return together

    def _key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", self.directory / f"{name}.key")

    def _openssl(self, *words):
        run(["openssl", *words], self.directory)
