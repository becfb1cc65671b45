from aloft.controller import golden
from aloft.controller.release import releases
from aloft.controller.services import ALL

TABLE = "CREATE TABLE `t` (\n  `id` int NOT NULL\n) AUTO_INCREMENT=7;\n"


def test_times_and_random_ids_do_not_count():
    one = (
        TABLE + "INSERT INTO `t` VALUES (1,'2026-11-20 10:00:00','0f8fad5b-d9cb-469f-a165-70867728950e'),(2,'x','y');\n"
    )
    other = TABLE.replace("7", "9") + (
        "INSERT INTO `t` VALUES (1,'2027-01-01 00:00:01','7c9e6679-7425-40de-944b-e07fc1f90ae7'),(2,'x','y');\n"
    )
    assert golden.differences({"a": one}, {"a": other}) == []


def test_another_column_or_row_counts():
    assert golden.differences({"a": TABLE}, {"a": TABLE.replace("int", "bigint")})
    assert golden.differences({"a": TABLE}, {"a": TABLE + "INSERT INTO `t` VALUES (1);\n"})
    assert golden.differences({"a": TABLE}, {})


def test_every_release_has_a_golden_database_for_every_schema():
    copies = {copy for service in ALL for copy in service.copies}
    wanted = {schema for service in ALL for schema in service.schemas} - copies
    for release in releases():
        assert set(golden.read(release)) == wanted


def test_copies_are_unpacked_from_their_originals(tmp_path):
    files = golden.unpack(releases()[0], tmp_path)
    assert files["nova_cell0"] == files["nova"]
    assert set(files) == {schema for service in ALL for schema in service.schemas}


def test_a_release_tells_up_to_which_migrations_its_schemas_are():
    for release in releases():
        found = golden.versions(release)
        assert found["nova"] == found["nova_cell0"] and len(found["nova"]) == 1
        assert len(found["neutron"]) == 2, "expanded and contracted"
