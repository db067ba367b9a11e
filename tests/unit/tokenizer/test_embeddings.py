import pytest

torch = pytest.importorskip("torch")

from lontar.tokenizer.embeddings import grow, piece_weights  # noqa: E402

OLD = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 10.0]])


def test_rows_by_hand():
    mean = grow(OLD, 6, {3: [0, 1], 4: [2, 0, 1]}, "mean", 0)
    assert torch.equal(mean[:3], OLD)
    assert mean[3].tolist() == [2.0, 1.0]
    assert mean[4].tolist() == pytest.approx([3.0, 4.0])
    assert mean[5].tolist() == [3.0, 4.0], "a row of no token: the mean of all"
    last = grow(OLD, 5, {3: [0, 1], 4: [2, 0, 1]}, "last_weighted", 0)
    assert last[3].tolist() == pytest.approx([(1 + 2 * 3) / 3, 4 / 3])
    assert last[4].tolist() == pytest.approx([(5 + 2 * 1 + 4 * 3) / 7, (10 + 0 + 4 * 2) / 7])


def test_weights():
    assert piece_weights(4, "mean") == [0.25] * 4
    assert piece_weights(3, "last_weighted") == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert piece_weights(1, "last_weighted") == [1.0]


def test_rows_within_the_old_matrix_are_made_again():
    """Spare rows of a padded base, and rows of tokens that the base could never produce."""
    grown = grow(OLD, 3, {2: [0, 1]}, "mean", 0)
    assert grown.shape == (3, 2) and grown[2].tolist() == [2.0, 1.0]
    assert OLD[2].tolist() == [5.0, 10.0], "the old matrix is left alone"


@pytest.mark.parametrize("how", ["mean", "last_weighted", "random"])
def test_type_is_kept_and_nothing_else_moves(how):
    old = torch.randn(50, 8, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    grown = grow(old, 60, {i: [i - 50, 3] for i in range(50, 58)}, how, 7)
    assert grown.dtype == torch.bfloat16 and grown.shape == (60, 8)
    assert torch.equal(grown[:50], old)
    assert torch.equal(grown, grow(old, 60, {i: [i - 50, 3] for i in range(50, 58)}, how, 7))


def test_random_rows_have_the_old_spread_and_their_seed():
    old = torch.randn(2000, 4, generator=torch.Generator().manual_seed(1)) * 3 + 5
    pieces = {i: [0] for i in range(2000, 4000)}
    a, b = (grow(old, 4000, pieces, "random", seed)[2000:] for seed in (1, 2))
    assert not torch.equal(a, b)
    assert a.mean(0).tolist() == pytest.approx(old.mean(0).tolist(), abs=0.3)
    assert a.std(0).tolist() == pytest.approx(old.std(0).tolist(), rel=0.1)
