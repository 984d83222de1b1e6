import pytest

import sgnkit
from sgnkit.models import MKSGN, get_preset, list_models, mk_sgn_small, register_model


def test_list_models():
    assert list_models() == [
        "agcn",
        "base_sgn",
        "base_sgn_small",
        "ctrgcn",
        "mk_sgn",
        "mk_sgn_small",
        "multimodal_gcn",
        "multimodal_gcn_small",
        "stgcn",
    ]
    assert list_models("*sgn_small") == ["base_sgn_small", "mk_sgn_small"]
    assert get_preset("mk_sgn_small") is mk_sgn_small


def test_create_model_overrides_the_preset():
    model = sgnkit.create_model(
        "mk_sgn_small", layout="ntu25", num_classes=60, num_steps=2, modalities=["joint", "bone"]
    )
    assert isinstance(model, MKSGN)
    assert model.num_steps == 2
    assert model.modalities == ("joint", "bone")
    assert model.readout.num_classes == 60
    assert model.blocks[-1].out_channels == 128


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"no model is named 'mksgn_small'.*'mk_sgn_small'"):
        sgnkit.create_model("mksgn_small", layout="ntu25", num_classes=2)
    with pytest.raises(TypeError, match=r"no option 'num_step'\. Did you mean 'num_steps'"):
        sgnkit.create_model("mk_sgn_small", layout="ntu25", num_classes=2, num_step=2)
    with pytest.raises(TypeError, match=r"no option 'zzz'\. There are in_channels, "):
        sgnkit.create_model("multimodal_gcn_small", layout="ntu25", num_classes=2, zzz=2)


def test_a_name_is_given_once():
    def mk_sgn(layout, num_classes):
        return None

    with pytest.raises(ValueError, match="'mk_sgn' exists already"):
        register_model(mk_sgn)
