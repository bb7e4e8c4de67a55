import pytest

import deepnet as dn
from deepnet.vision.models import get_model, list_models, resnet18, resnet50


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize(("channels", "side"), [(1, 8), (1, 28), (3, 32)])
def test_every_model_takes_every_size_and_gives_gradients(name, channels, side):
    if name in ("resnet34", "resnet50") and side != 8:
        pytest.skip("as resnet18; these only take longer")
    model = get_model(name, channels, (side, side), 7)
    out = model(dn.randn(2, channels, side, side))
    assert tuple(out.shape) == (2, 7)
    out.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_resnets_have_torchvisions_names_and_sizes():
    model = resnet18()
    names = list(model.state_dict())
    assert names[:3] == ["conv1.weight", "bn1.weight", "bn1.bias"]
    assert "layer2.0.downsample.0.weight" in names
    assert "layer4.1.bn2.num_batches_tracked" in names
    assert sum(p.numel() for p in model.parameters()) == 11_689_512
    assert sum(p.numel() for p in resnet50().parameters()) == 25_557_032


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="unknown model 'vgg'.*lenet"):
        get_model("vgg", 1, (8, 8), 10)
    with pytest.raises(ValueError, match="too small"):
        get_model("cnn", 1, (2, 2), 10)
