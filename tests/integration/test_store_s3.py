"""A bucket as a store: what any store owes, on a real server that checks signatures; and its bad days, made by a proxy."""
import pytest

from harness.certificates import Authority
from harness.process import ENVIRONMENT, run
from harness.s3_proxy import CUT, HALVE, PASS, STALL, S3Proxy, answer
from harness.store import (BAD_DATA, CONFIG, CONTRACTS, NO_INPUT, NOT_ALLOWED, OK, TRY_AGAIN, UNAVAILABLE, USAGE, Store)

LARGE = (20 << 20) + 5  # three parts


@pytest.fixture
def proxy(s3):
    proxy = S3Proxy(s3.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def stores(tmp_path):
    """Makes stores below a prefix of the test's own; closes them."""
    made = []

    def make(endpoint, **settings):
        settings.setdefault("url", f"s3://tests/{tmp_path.name}")
        made.append(Store(tmp_path, endpoint, **settings))
        return made[-1]
    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(stores, proxy):
    """A store behind the proxy; nothing has gone wrong yet, and a create has been seen to work."""
    store = stores(proxy.endpoint)
    assert store.opened.status == OK, store.opened
    assert store.do("create", "first", "f", 1).result == "created"
    proxy.requests.clear()
    return store


class Once:
    """A hook that says `verdicts`, one after the other, to requests of that method whose target holds `part`, and then PASS."""

    def __init__(self, method, part, *verdicts):
        self.method, self.part, self.verdicts = method, part, list(verdicts)

    def __call__(self, method, target, _):
        if method == self.method and self.part in target and self.verdicts:
            return self.verdicts.pop(0)
        return PASS


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_a_bucket_owes_what_any_store_owes(s3, tmp_path, contract):
    run([contract], tmp_path, env=ENVIRONMENT | {"STORE_TEST_ENDPOINT": s3.endpoint, "no_proxy": "*"}, seconds=1200)


@pytest.mark.parametrize("wrong, status, code, says", [
    ({"secret": "other"}, NOT_ALLOWED, "CLM-A1", "403"),
    ({"access": "nobody"}, NOT_ALLOWED, "CLM-A1", "403"),
    ({"url": "s3://no-such-bucket/x"}, CONFIG, "CLM-C1", "NoSuchBucket"),
    ({"region": ""}, CONFIG, "CLM-C1", "store.s3.region"),
    ({"access": ""}, CONFIG, "CLM-C1", "both keys"),
    ({"secret": ""}, CONFIG, "CLM-C1", "both keys"),
    ({"url": "s3://"}, CONFIG, "CLM-C1", "bucket's name"),
    ({"url": "s3://Bucket"}, CONFIG, "CLM-C1", "bucket's name"),
    ({"url": "s3://tests/a%20b"}, CONFIG, "CLM-C1", "prefix"),
    ({"url": "s3://tests/../b"}, CONFIG, "CLM-C1", "prefix"),
    ({"url": "s3://tests//b"}, CONFIG, "CLM-C1", "prefix"),
])
def test_what_is_wrong_with_a_place_is_named(s3, stores, wrong, status, code, says):
    opened = stores(s3.endpoint, **wrong).opened
    assert (opened.status, opened.code) == (status, code) and says in opened.what, opened


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "ftp://127.0.0.1"])
def test_an_endpoint_that_is_none_is_named(stores, endpoint):
    opened = stores(endpoint).opened
    assert opened.status == CONFIG and "store.s3.endpoint" in opened.what


def test_nobody_answers(stores):
    proxy = S3Proxy(1)
    proxy.stop()
    opened = stores(proxy.endpoint, retries=2).opened
    assert (opened.status, opened.code) == (UNAVAILABLE, "CLM-D1") and "tried 3 times" in opened.what, opened


def test_the_bytes_are_where_they_belong(s3, stores):
    store = stores(s3.endpoint, url="s3://tests/a/B_c.d/")
    assert store.do("put", "parts/900/p0001.zst", "k", 70_000).status == OK
    assert (s3.bucket / "a/B_c.d/parts/900/p0001.zst").read_bytes() == b"k" * 70_000
    whole = stores(s3.endpoint, url="s3://tests")
    assert whole.do("get", "a/x").status == NO_INPUT
    assert whole.do("put", "meta", "m", 3).status == OK
    assert (s3.bucket / "meta").read_bytes() == b"mmm"
    assert "a/" not in whole.do("list", "a").result


def test_a_list_has_many_pages(s3, stores, proxy):
    names = sorted(f"p{number:04d}-{number * 7919}.zst" for number in range(2_345))
    for name in names:
        s3.lay(f"many/parts/900/{name}")
    for start in range(1_100):
        s3.lay(f"many/parts/{start * 900}/a")
    store = stores(proxy.endpoint, url="s3://tests/many")
    proxy.requests.clear()
    assert store.do("list", "parts/900").result.split() == sorted([*names, "a"])
    assert proxy.count("GET", "list-type=2") == 3
    assert store.do("list", "parts").result.split() == sorted(f"{start * 900}/" for start in range(1_100))


def test_what_is_not_ours_is_not_listed(s3, stores):
    for name in ("mixed/a", "mixed/Notes.txt", "mixed/.hidden", "mixed/b&c", "mixed/sub/x", "mixed/.condition-1"):
        s3.lay(name)
    assert stores(s3.endpoint, url="s3://tests/mixed").do("list", "").result == "a sub/"


def test_large_files_go_in_parts(s3, store, proxy):
    assert store.do("put", "spans/large", "a", LARGE).status == OK
    assert proxy.count("PUT", "partNumber=") == 3
    assert store.do("get", "spans/large").result == f"a {LARGE}"
    assert store.do("put", "spans/large", "b", LARGE).status == OK
    assert store.do("get", "spans/large").result == f"b {LARGE}"
    assert store.do("create", "spans/large", "c", LARGE).result == "there"
    assert store.do("get", "spans/large").result == f"b {LARGE}"
    assert store.do("create", "spans/new", "c", LARGE).result == "created"
    assert store.do("get", "spans/new").result == f"c {LARGE}"
    # 8 MiB are one request, a byte more are two parts.
    proxy.requests.clear()
    assert store.do("put", "spans/one", "d", 8 << 20).status == OK
    assert proxy.count("PUT", "partNumber=") == 0
    assert store.do("put", "spans/two", "d", (8 << 20) + 1).status == OK
    assert proxy.count("PUT", "partNumber=") == 2


TROUBLE = {
    "503 SlowDown": answer("503", "SlowDown"),
    "500 InternalError": answer("500", "InternalError"),
    "429": answer("429", "TooManyRequests"),
    "a cut connection": CUT,
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_request_is_sent_again(store, proxy, trouble):
    for words, method, result in ((("put", "a", "x", 5), "PUT", ""), (("create", "b", "x", 5), "PUT", "created"),
                                  (("get", "a"), "GET", "x 5"), (("list", ""), "GET", "a b first"), (("remove", "b"), "DELETE", "")):
        proxy.requests.clear()
        proxy.on_request = Once(method, "", TROUBLE[trouble], TROUBLE[trouble])
        done = store.do(*words)
        assert (done.status, done.result) == (OK, result), done
        assert proxy.count(method) == 3
    assert store.do("list", "").result == "a first"


def test_what_stands_still_is_cut_and_sent_again(stores, proxy):
    store = stores(proxy.endpoint, timeout_ms=1_000, retries=50)
    proxy.on_request = Once("PUT", "/a", STALL, STALL)
    assert store.do("put", "a", "x", 5).status == OK
    proxy.on_request = None
    proxy.on_answer = Once("GET", "/a", STALL, HALVE, CUT)
    assert store.do("get", "a").result == "x 5"


def test_after_all_tries_it_is_to_be_tried_again_and_says_why(stores, proxy):
    store = stores(proxy.endpoint, retries=2)
    store.do("put", "a", "x", 5)
    proxy.requests.clear()
    proxy.on_request = lambda *_: answer("503", "SlowDown")
    for words in (("put", "a", "y", 6), ("get", "a"), ("list", ""), ("remove", "a"), ("create", "b", "y", 6)):
        done = store.do(*words)
        assert (done.status, done.code) == (TRY_AGAIN, "CLM-D1") and "503 SlowDown; tried 3 times" in done.what, done
    assert len(proxy.requests) == 5 * 3
    proxy.on_request = None
    assert store.do("get", "a").result == "x 5"
    assert store.do("create", "b", "y", 6).result == "created"


def test_a_refusal_is_not_tried_again(store, proxy):
    proxy.on_request = lambda *_: answer("403", "AccessDenied")
    done = store.do("put", "a", "x", 5)
    assert (done.status, done.code) == (NOT_ALLOWED, "CLM-A1") and "AccessDenied" in done.what, done
    assert len(proxy.requests) == 1


# The answer is lost, and the put was carried out: sent again it is refused for its own sake. Without the comparison of the
# bytes it would be "there", and its writer would take itself for the second.
@pytest.mark.parametrize("lost", [CUT, answer("500", "InternalError")], ids=["cut", "500"])
def test_a_lost_answer_to_a_create_is_no_other_file(store, proxy, lost):
    proxy.on_answer = Once("PUT", "/a", lost)
    assert store.do("create", "a", "x", 1_000).result == "created"
    assert proxy.count("PUT", "/a") == 2
    assert store.do("get", "a").result == "x 1000"


# The whole answer is lost, on a connection that was kept: what libcurl would send once more by itself has to be known as sent twice.
def test_a_lost_answer_is_known_of_on_a_kept_connection(store, proxy):
    proxy.prompt = False
    assert store.do("put", "other", "x", 10).status == OK
    proxy.on_answer = Once("PUT", "/a", CUT)
    assert store.do("create", "a", "x", 10).result == "created"


# Lost as well, but another was there before: the comparison must not claim it.
def test_a_lost_answer_does_not_claim_the_file_of_another(store, proxy):
    store.do("put", "a", "o", 1_000)
    proxy.on_answer = Once("PUT", "/a", CUT)
    assert store.do("create", "a", "x", 1_000).result == "there"
    assert store.do("get", "a").result == "o 1000"


# The answer to the comparison decides; without it nothing is said.
def test_a_lost_answer_that_cannot_be_settled_is_tried_again(stores, proxy):
    store = stores(proxy.endpoint, retries=1)
    assert store.do("create", "first", "f", 1).result == "created"
    proxy.on_answer = Once("PUT", "/a", CUT)
    proxy.on_request = Once("GET", "/a", answer("500"), answer("500"))
    assert store.do("create", "a", "x", 10).status == TRY_AGAIN
    assert store.do("get", "a").result == "x 10"


@pytest.mark.parametrize("creates", [False, True], ids=["put", "create"])
def test_a_lost_answer_to_the_end_of_an_upload(store, proxy, creates):
    proxy.on_answer = Once("POST", "uploadId=", CUT)
    done = store.do("create" if creates else "put", "large", "x", LARGE)
    assert (done.status, done.result) == (OK, "created" if creates else ""), done
    assert store.do("get", "large").result == f"x {LARGE}"


# S3 begins its answer with 200 before it knows.
def test_an_upload_may_fail_behind_a_200(store, proxy):
    proxy.on_request = Once("POST", "uploadId=", answer("200", "InternalError"))
    assert store.do("put", "large", "x", LARGE).status == OK
    assert proxy.count("POST", "uploadId=") == 2
    assert store.do("get", "large").result == f"x {LARGE}"
    proxy.on_request = Once("POST", "uploadId=", answer("200", "PreconditionFailed"))
    assert store.do("create", "other", "x", LARGE).result == "there"


def test_an_upload_that_fails_is_taken_back_and_shows_nothing(stores, proxy, s3):
    store = stores(proxy.endpoint, retries=1)
    proxy.on_request = Once("PUT", "partNumber=2", CUT, CUT)
    assert store.do("put", "large", "x", LARGE).status == TRY_AGAIN
    assert proxy.count("DELETE", "uploadId=") == 1
    assert store.do("get", "large").status == NO_INPUT
    assert store.do("list", "").result == ""
    assert store.do("put", "large", "x", LARGE).status == OK


UPLOAD = "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated></Upload>"


# A writer that was killed in the middle leaves parts that nobody sees and somebody pays for.
def test_uploads_of_the_dead_are_ended_when_a_store_is_opened(stores, proxy, tmp_path):
    old, young = "2001-01-01T00:00:00.000Z", "2126-01-01T00:00:00.000Z"
    listed = "".join(UPLOAD.format(*upload) for upload in (
        (f"{tmp_path.name}/spans/a", "old/1+", old), (f"{tmp_path.name}/spans/a", "young", young), ("elsewhere/a", "theirs", old),
        (f"{tmp_path.name}/Their own", "odd", old), (f"{tmp_path.name}/b", "never", "once")))
    proxy.on_request = lambda method, target, _: \
        answer("200", body=f"<ListMultipartUploadsResult>{listed}</ListMultipartUploadsResult>") if "uploads=" in target else PASS
    assert stores(proxy.endpoint).opened.status == OK
    assert [target for method, target, _ in proxy.requests if method == "DELETE"] == \
        [f"/tests/{tmp_path.name}/spans/a?uploadId=old%2F1%2B"]


def test_who_may_not_see_uploads_opens_a_store_all_the_same(stores, proxy):
    answers = []
    proxy.on_answer = lambda method, target, status: answers.append((target.split("?")[1], status)) or PASS
    assert stores(proxy.endpoint).opened.status == OK
    assert [status for query, status in answers if "uploads=" in query] == [200]
    proxy.on_request = lambda method, target, _: answer("403", "AccessDenied") if "uploads=" in target else PASS
    assert stores(proxy.endpoint).opened.status == OK


def test_an_upload_that_somebody_else_ended_is_to_be_tried_again(store, proxy):
    proxy.on_request = Once("POST", "uploadId=", answer("404", "NoSuchUpload"))
    done = store.do("put", "large", "x", LARGE)
    assert (done.status, done.code) == (TRY_AGAIN, "CLM-D1"), done


def test_two_creates_that_meet_are_settled(store, proxy):
    proxy.on_request = Once("PUT", "/a", answer("409", "ConditionalRequestConflict"), answer("409", "ConditionalRequestConflict"))
    assert store.do("create", "a", "x", 10).result == "created"


# Without the look at its first create it would take two publications of one window.
def test_a_store_that_takes_no_notice_of_conditions_is_refused(stores, proxy):
    store = stores(proxy.endpoint)
    proxy.on_request = lambda method, *_: answer("200", body="") if method == "PUT" else PASS
    done = store.do("create", "a", "x", 10)
    assert done.status == CONFIG and "If-None-Match" in done.what, done
    assert proxy.count("DELETE", ".condition-") == 1
    assert store.do("put", "a", "x", 10).status == OK


LISTS = {
    "no xml": "hello",
    "half of one": "<ListBucketResult><Contents><Key>of/us/a</Key>",
    "a document type": "<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
    "truncated, and no token": "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    "for ever the same token":
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>",
    "endless text": f"<ListBucketResult><Contents><Key>{'a' * 5_000}</Key></Contents></ListBucketResult>",
    "endless depth": "<a>" * 5_000,
}


@pytest.mark.parametrize("body", LISTS.values(), ids=LISTS)
def test_an_answer_that_is_no_list_is_no_empty_store(store, proxy, body):
    proxy.on_request = lambda *_: answer("200", body=body)
    done = store.do("list", "")
    assert (done.status, done.code) == (TRY_AGAIN, "CLM-D1"), done


def test_a_list_without_end_is_refused(store, proxy):
    proxy.on_request = lambda *_: answer("200", body="x" * (17 << 20))
    done = store.do("list", "")
    assert (done.status, done.code) == (BAD_DATA, "CLM-D3") and "too long" in done.what, done


def test_names_that_lead_elsewhere_never_become_requests(store, proxy):
    for name in ("../a", "/a", "a//b", "a?versions", "a%2f"):
        assert store.do("put", name, "x", 1).status == USAGE
    assert not proxy.requests


def test_over_tls_the_other_side_is_known(s3, stores, tmp_path):
    authority = Authority(tmp_path / "authority")
    proxy = S3Proxy(s3.port, authority.issue("s3"))
    assert stores(proxy.endpoint, ca_file=str(authority.file)).opened.status == OK
    unknown = stores(proxy.endpoint).opened
    assert unknown.status == CONFIG and "certificate" in unknown.what, unknown
    proxy.stop()
    other = S3Proxy(s3.port, authority.issue("other", bears="DNS:elsewhere.example"))
    opened = stores(other.endpoint, ca_file=str(authority.file)).opened
    assert opened.status == CONFIG, opened
    other.stop()
