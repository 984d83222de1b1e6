import numpy as np
import pytest

from sgnkit.datasets._pose import to_clip
from sgnkit.datasets._pose_csv import parse_csv, read_rows, write_csv
from sgnkit.datasets._pose_folder_raw import pose_options
from sgnkit.datasets.synthetic import SyntheticActions
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts, register_layout

if "arm" not in list_layouts():
    register_layout(SkeletonLayout("arm", ("shoulder", "elbow", "left hand"), (0, 0, 1)))
X = np.arange(18, dtype=np.float32).reshape(2, 3, 3) + 1  # frames, joints, coordinates


def read(text, layout="arm", **options):
    options = pose_options(layout, **options)
    content = text if isinstance(text, bytes) else text.encode()
    return to_clip(parse_csv(content, options, "a.csv"), options, "a.csv")


NAMES = [
    "shoulder_x,shoulder_y,shoulder_z,elbow_x,elbow_y,elbow_z,left_hand_x,left_hand_y,Left Hand_Z",
    "x0,y0,z0,x1,y1,z1,x2,y2,z2",
    "0_x,0_y,0_z,1_x,1_y,1_z,2_x,2_y,2_z",
]
ROWS = ["1,2,3,4,5,6,7,8,9", "10,11,12,13,14,15,16,17,18"]


@pytest.mark.parametrize("head", [*NAMES, ""])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_a_frame(head, delimiter):
    text = "\r\n".join([head, *ROWS, ""]).replace(",", delimiter)
    assert np.array_equal(read(text).to_array("TVC"), X)


def test_frames_persons_scores_and_empty_cells():
    head = "time,frame,person,x0,y0,score0,x1,y1,score1,x2,y2,confidence2"
    rows = [
        "0.1,7,b,1,1,1,2,2,1,3,3,1",
        "0.1,7,a,4,4,1,5,5,0.1,6,6,1",
        "0.1,3,a,7,7,1,,,,9,9,1",
    ]
    data = read("\n".join([head, *rows]), min_score=0.3)
    assert data.num_persons == 2 and data.num_frames == 2
    x, mask = data.to_array("MTVC"), data.to_array("MTV", attr="mask")
    assert x[0, :, 0, 0].tolist() == [7, 4] and x[1, 1, :, 0].tolist() == [1, 2, 3]
    assert mask.tolist() == [[[True, False, True], [True, False, True]], [[False] * 3, [True] * 3]]


def test_a_row_a_joint():
    lines = ["frame,joint,x,y,z"]
    for t in (1, 0):
        for v, joint in enumerate(("shoulder", "1", "Left Hand")):
            lines.append(f"{t},{joint},{X[t, v, 0]},{X[t, v, 1]},{X[t, v, 2]}")
    assert np.array_equal(read("\n".join(lines)).to_array("TVC"), X)
    data = read("\n".join(lines[:-1]))  # the hand is missing in frame 0
    assert (~data.mask).nonzero().tolist() == [[2, 0]]


def test_numbers_alone_with_a_score():
    text = "1,1,0.9,2,2,0.1,3,3,0.9\n"
    data = read(text, confidence=True, min_score=0.5)
    assert data.x.shape == (3, 1, 2) and data.mask[:, 0].tolist() == [True, False, True]
    assert read(text).x.shape == (3, 1, 3)


LONG = "frame,joint,x,y\n"
WIDE = NAMES[1] + "\n"
BAD = {
    "empty": ("\n\n", "a table is empty"),
    "names alone": (WIDE, "no frames"),
    "short line": (WIDE + "1,2\n", "line 2", "9 cells", "2"),
    "long line": (WIDE + ROWS[0] + "\n" + ROWS[0] + ",1", "line 3", "10"),
    "word": (WIDE + ROWS[0].replace("5", "five"), "line 2, column 5", "'five'"),
    "nan": (WIDE + ROWS[0].replace("5", "nan"), "joint 1 ('elbow')", "finite"),
    "infinite": (WIDE + ROWS[0].replace("5", "1e999"), "joint 1 ('elbow')", "finite"),
    "no column": (WIDE.replace("y1", "q") + ROWS[0], "elbow_y, or y1"),
    "no names": ("a,b\n1,2", "shoulder_x"),
    "twice": (WIDE.replace("y1", "x1") + ROWS[0], "a column is there twice", "x1"),
    "width": ("1,2,3,4\n", "3 joints of 2 or 3 numbers", "4 numbers"),
    "person": ("person," + WIDE + "1," + ROWS[0], "a column frame"),
    "frame": ("frame," + WIDE + "nan," + ROWS[0], "line 2, column 1", "a number"),
    "frame twice": ("frame," + WIDE + f"1,{ROWS[0]}\n1,{ROWS[1]}", "line 3", "twice"),
    "joint": (LONG + "1,knee,1,2", "line 2", "shoulder, elbow", "knee"),
    "joint number": (LONG + "1,3,1,2", "unknown joint"),
    "joint twice": (LONG + "1,1,1,2\n1,elbow,1,2", "line 3", "twice"),
    "no frame": ("joint,x,y\nelbow,1,2", "a column frame"),
    "no x": ("frame,joint,y\n1,elbow,2", "a column x"),
    "nobody": (LONG + "1,elbow,,", "no person"),
    "latin": (WIDE.encode() + "ä".encode("latin-1"), "line 2", "UTF-8"),
    "zero byte": (WIDE.encode() + b"\0", "a zero byte"),
    "quotes": (WIDE + '"' + "1" * 200_000, "comma-separated"),
    "many persons": (
        "frame,person,joint,x\n" + "\n".join(f"{i},{i},0,1" for i in range(1500)),
        "far too large",
        "1000 persons",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_table(case):
    text, *messages = BAD[case]
    with pytest.raises(DataError, match=r"a\.csv(?s:.*)remedy") as caught:
        read(text)
    assert all(message in str(caught.value) for message in messages), str(caught.value)


def test_missing_numbers_are_masked_if_wanted():
    data = read(WIDE + ROWS[0].replace("5", "nan"), missing="mask")
    assert data.mask[:, 0].tolist() == [True, False, True]


def test_read_rows():
    assert read_rows(b"a;b\n\n1; 2 \n", "t") == [(1, ["a", "b"]), (3, ["1", "2"])]
    assert read_rows(b"", "t") == []


@pytest.mark.parametrize("layout", ["ntu25", "mediapipe33"])
@pytest.mark.parametrize("num_persons", [1, 2])
def test_round_trip(tmp_path, layout, num_persons):
    data = SyntheticActions(2, layout, num_persons=num_persons, dropped=0.3)[1]
    write_csv(data, tmp_path / "a.csv")
    again = read((tmp_path / "a.csv").read_bytes(), layout)
    assert np.array_equal(again.x, data.x) and np.array_equal(again.mask, data.mask)
    joint = get_layout(layout).joints[0]
    assert f"{joint}_x,{joint}_y,{joint}_z,{joint}_score" in (tmp_path / "a.csv").read_text()
    data.x = data.x.repeat(1, 1, 2)
    with pytest.raises(DataError, match="1 to 3 coordinates"):
        write_csv(data, tmp_path / "b.csv")
    assert not (tmp_path / "b.csv").exists()
