import uuid
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from radkg.archive import open_archive
from radkg.archive.formats.table import ReportTable
from tests.archive.formats.test_table import read, reasons

ID = uuid.UUID("6fa459ea-ee8a-3ca4-894e-db54e3a6b6f0")
DAY = date(2020, 1, 31)
NANOSECONDS = 1_580_428_800_000_000_001  # in the night of DAY, UTC

IDS = {
    "int8": (pa.array([7], pa.int8()), "7"),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), str(2**64 - 1)),
    "float of pandas": (pa.array([50414267.0]), "50414267"),
    "decimal": (pa.array([Decimal(50414267)], pa.decimal128(12)), "50414267"),
    "decimal with a scale": (pa.array([Decimal("50414267.00")], pa.decimal128(12, 2)), "50414267"),
    "decimal256": (pa.array([Decimal(10**40 + 1)], pa.decimal256(60)), str(10**40 + 1)),
    "uuid": (pa.array([ID.bytes], pa.uuid()), str(ID)),
    "16 bytes": (pa.array([ID.bytes], pa.binary(16)), str(ID)),
    "16 bytes of no bit": (pa.array([bytes(16)], pa.binary(16)), str(uuid.UUID(int=0))),
    "16 letters": (pa.array([b"S-00000000000001"], pa.binary(16)), "S-00000000000001"),
    "binary": (pa.array([b"s1"]), "s1"),
    "large_binary": (pa.array([b"s1"], pa.large_binary()), "s1"),
    "large_string": (pa.array(["s1"], pa.large_string()), "s1"),
    "string_view": (pa.array(["s1"], pa.string_view()), "s1"),
    "dictionary": (pa.array(["s1"]).dictionary_encode(), "s1"),
    "dictionary of numbers": (pa.array([7]).dictionary_encode(), "7"),
}
DAYS = {
    "date32": pa.array([DAY]),
    "date64": pa.array([DAY], pa.date64()),
    "nanoseconds": pa.array([NANOSECONDS], pa.timestamp("ns")),
    "seconds": pa.array([NANOSECONDS // 10**9], pa.timestamp("s")),
    "zone": pa.array([NANOSECONDS // 10**3 - 9 * 3600 * 10**6], pa.timestamp("us", "Asia/Tokyo")),
    "text": pa.array(["20200131"]),
    "number": pa.array([20200131]),
    "number of pandas": pa.array([20200131.0]),
}
AGES = {
    "decimal": pa.array([Decimal("54.0")], pa.decimal128(5, 1)),
    "float": pa.array([54.0]),
    "float16": pa.array([54.0], pa.float16()),
    "int": pa.array([54], pa.uint8()),
    "text": pa.array(["054Y"]),
    "dictionary": pa.array([54]).dictionary_encode(),
}


def read_one(path, **columns):
    pq.write_table(pa.table({"report": ["Clear."]} | columns), path)
    (study,) = read(path)
    return study


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_any_type(tmp_path, kind):
    values, text = IDS[kind]
    study = read_one(tmp_path / "a.parquet", study_id=values, subject_id=values)
    assert (study.study_id, study.subject_id, study.report) == (text, text, "Clear.")


@pytest.mark.parametrize("kind", DAYS)
def test_days_of_any_type(tmp_path, kind):
    assert read_one(tmp_path / "a.parquet", study_id=["1"], study_date=DAYS[kind]).study_date == DAY


@pytest.mark.parametrize("kind", AGES)
def test_ages_of_any_type(tmp_path, kind):
    assert read_one(tmp_path / "a.parquet", study_id=["1"], age=AGES[kind]).age == 54


def test_what_is_missing_is_missing_in_every_type(tmp_path):
    columns = [column for column, _ in IDS.values()] + [*DAYS.values(), *AGES.values()]
    for column in columns:
        missing = pa.array([None], column.type)
        table = {"study_id": ["1"], "subject_id": missing, "study_date": missing, "age": missing}
        study = read_one(tmp_path / "a.parquet", **table, sex=pa.nulls(1))
        assert (study.subject_id, study.study_date, study.age, study.sex) == ("1", None, None, None)


def test_what_is_no_day_and_what_lost_its_digits_are_failed_rows(tmp_path):
    days = pa.array([2**62], pa.timestamp("us"))  # in the year 148108
    found = [read_one(tmp_path / "a.parquet", study_id=["1"], study_date=days)]
    assert "is no date" in reasons(found)["1"]
    found = [read_one(tmp_path / "b.parquet", study_id=[2.0**60])]
    assert "which loses digits" in reasons(found)["line 1"]


def test_columns_by_any_case_and_a_column_of_objects_is_told(tmp_path, caplog):
    image = pa.array([{"bytes": b"no image", "path": "x.png"}])
    study = read_one(tmp_path / "a.parquet", STUDY_ID=["1"], Sex=["F"], image=image)
    assert (study.study_id, study.sex, study.images) == ("1", "female", ())
    assert "columns of objects are not read: ('image',)" in caplog.text
    assert isinstance(open_archive(str(tmp_path / "a.parquet")), ReportTable)
