"""`python -m harness.ahead`: what servers run on is made before any test asks for it, while nobody waits."""
from harness.broker import archive
from harness.jars import jars

archive()
jars("s3")
