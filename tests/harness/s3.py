"""A real S3-compatible store on the loopback, which checks signatures: S3Proxy over a directory, from the jars that
tests/s3/pom.xml pins. Its bucket is "tests"."""
import socket

from harness.jars import jars
from harness.places import free_port, wait_until
from harness.process import Process

ACCESS, SECRET, REGION = "access", "secret", "us-east-1"

PROPERTIES = """\
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.authorization=aws-v4
s3proxy.identity={access}
s3proxy.credential={secret}
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={base}
"""
QUIET = """<configuration><appender name="o" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d %m%n</pattern></encoder>
</appender><root level="warn"><appender-ref ref="o"/></root></configuration>"""


class S3:
    def __init__(self, directory):
        directory.mkdir(exist_ok=True)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.bucket = directory / "base" / "tests"
        self.bucket.mkdir(parents=True)
        (directory / "s3.properties").write_text(PROPERTIES.format(port=self.port, access=ACCESS, secret=SECRET,
                                                                   base=self.bucket.parent))
        (directory / "logback.xml").write_text(QUIET)
        self.process = Process("s3", ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=.",
                                      "-Dlogback.configurationFile=logback.xml", "-cp", f"{jars('s3')}/*",
                                      "org.gaul.s3proxy.Main", "--properties", "s3.properties"], directory)
        wait_until("the store answers", self._listens, 60, 0.1)

    def _listens(self):
        if not self.process.is_running:
            raise AssertionError("the store ended:\n" + self.process.tail())
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def lay(self, name, text=b"x"):
        """An object, without a request."""
        path = self.bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)

    def stop(self):
        self.process.kill()
