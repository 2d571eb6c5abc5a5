import pytest
import torch

from ganvas.networks.conditioning import LabelEmbedding, join_planes, join_vector, label_weights, projection

LABELS = torch.tensor([2, 0])
ONE_HOT = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_class_indices_become_one_hot_rows():
    assert torch.equal(label_weights(LABELS, (3,)), ONE_HOT)


def test_a_mixture_stays_as_it_was_given():
    between = torch.tensor([[0.25, 0.75, 0.0]])
    assert label_weights(between, (3,)) is between


def test_a_mixture_of_another_number_of_classes_is_refused():
    with pytest.raises(AssertionError, match="weights of 3 classes"):
        label_weights(torch.zeros(2, 4), (3,))


def test_the_one_hot_label_stands_behind_the_vector():
    joined = join_vector(torch.tensor([[5.0, 6.0], [7.0, 8.0]]), LABELS, (3,))
    assert joined.tolist() == [[5, 6, 0, 0, 1], [7, 8, 1, 0, 0]]


def test_the_one_hot_label_stands_behind_the_image_as_constant_planes():
    images = torch.randn(2, 1, 4, 4)
    joined = join_planes(images, LABELS, (3,))
    assert joined.shape == (2, 4, 4, 4)
    assert torch.equal(joined[:, :1], images)
    assert torch.equal(joined[:, 1:], ONE_HOT[:, :, None, None].expand(2, 3, 4, 4))


@pytest.mark.parametrize(("join", "shape"), [(join_vector, (2, 5)), (join_planes, (2, 1, 4, 4))])
def test_without_classes_nothing_is_joined(join, shape):
    values = torch.randn(shape)
    assert join(values, None, ()) is values


@pytest.mark.parametrize(("join", "shape"), [(join_vector, (2, 5)), (join_planes, (2, 1, 4, 4))])
def test_with_classes_labels_are_needed(join, shape):
    with pytest.raises(AssertionError, match="needs labels"):
        join(torch.randn(shape), None, (3,))


def test_an_embedding_looks_up_classes_and_mixes_mixtures():
    embedding = LabelEmbedding((3,), 4)
    assert torch.equal(embedding(LABELS), embedding.weight[LABELS])
    assert torch.equal(embedding(ONE_HOT), embedding(LABELS))
    half = embedding(torch.tensor([[0.5, 0.5, 0.0]]))[0]
    assert torch.allclose(half, (embedding.weight[0] + embedding.weight[1]) / 2)
    with pytest.raises(AssertionError, match="needs labels"):
        embedding(None)


def test_projection_is_the_inner_product_over_the_root_of_the_width():
    features = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 0.0]])
    embedded = torch.tensor([[1.0, 1.0, 1.0, -1.0], [0.0, 9.0, 9.0, 9.0]])
    # (1 + 2 + 3 - 4) / √4 = 1, and orthogonal vectors give 0.
    assert projection(features, embedded).tolist() == [1.0, 0.0]


PARTS = torch.tensor([[2, 1], [0, -1]])


def test_the_one_hot_rows_of_several_parts_stand_side_by_side_and_a_missing_one_is_zero():
    assert label_weights(PARTS, (3, 2)).tolist() == [[0, 0, 1, 0, 1], [1, 0, 0, 0, 0]]


def test_class_indices_of_another_number_of_parts_are_refused():
    with pytest.raises(AssertionError, match="class indices of 2 parts"):
        label_weights(LABELS, (2, 1))


def test_embeddings_of_parts_add_up_or_are_joined():
    added, joined = LabelEmbedding((3, 2), 4), LabelEmbedding((3, 2), 4, joined=True)
    joined.weight.data = added.weight.data
    first, second = added.weight[2], added.weight[3 + 1]
    assert torch.allclose(added(PARTS)[0], first + second)
    assert torch.allclose(joined(PARTS)[0], torch.cat([first, second]))
    assert torch.allclose(added(PARTS)[1], added.weight[0])
    assert torch.allclose(joined(PARTS)[1], torch.cat([added.weight[0], torch.zeros(4)]))


def test_a_label_of_one_part_may_be_a_column_or_not():
    embedding = LabelEmbedding((3,), 4)
    assert torch.equal(embedding(LABELS), embedding(LABELS[:, None]))
