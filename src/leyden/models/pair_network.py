"""The torch module of the recommender: two encoders, their interaction, the targets' forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from leyden.models.network import TargetModule
from leyden.models.property_forms import PropertyForms

__all__ = ["EncodedPairs", "Ions", "PairBatch", "PairNetwork", "PairPlaces"]

_FARTHEST = 4.0  # standard deviations at which an input is cut off


class Ions(NamedTuple):
    """The different ions of one sign in a batch.

    Attributes
    ----------
    vectors : Tensor, shape (k, d)
        Structure.
    names : Tensor of int, shape (k,)
        Place on the list of known ions; one past its end for a stranger.
    """

    vectors: torch.Tensor
    names: torch.Tensor


class PairBatch(NamedTuple):
    """Rows of a batch; each ion is encoded once, however many rows it stands in.

    Attributes
    ----------
    cations, anions : Ions
    cation, anion : Tensor of int, shape (n,)
        Places in `cations` and `anions`.
    temperature, pressure : Tensor, shape (n,)
        In K and kPa.
    """

    cations: Ions
    anions: Ions
    cation: torch.Tensor
    anion: torch.Tensor
    temperature: torch.Tensor
    pressure: torch.Tensor


class PairPlaces(NamedTuple):
    """Rows of a batch of ions that are encoded already.

    Attributes
    ----------
    cation, anion : Tensor of int, shape (n,)
    temperature, pressure : Tensor, shape (n,)
    """

    cation: torch.Tensor
    anion: torch.Tensor
    temperature: torch.Tensor
    pressure: torch.Tensor


class IonEncoder(nn.Module):
    """The embedding of an ion: learned by name, from structure, or the sum of both.

    The part that goes by name starts at zero, so that an ion which no row has taught counts as an
    average one (without structure) or as its structure says. Where there is structure, names are
    dropped at random in training: the rest must be able to do without.

    Parameters
    ----------
    names : int
        Length of the list of known ions; 0 for none.
    columns : int
        Of structure; 0 for none.
    width, embedding : int
        Hidden units of the structure's encoder; length of the embedding.
    dropout, name_dropout : float
        Of hidden units, and of whole names.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    structure: nn.Sequential | None
    names: nn.Embedding | None

    def __init__(
        self,
        names: int,
        columns: int,
        width: int,
        embedding: int,
        dropout: float,
        name_dropout: float,
    ) -> None:
        super().__init__()
        self.strangers_begin, self.name_dropout = names, name_dropout
        self.structure = None
        self.names = None
        if columns:
            self.register_buffer("mean", torch.zeros(columns))
            self.register_buffer("scale", torch.ones(columns))
            self.structure = nn.Sequential(
                nn.Linear(columns, width),
                nn.LayerNorm(width),
                nn.SiLU(),
                nn.Dropout(dropout),
                nn.Linear(width, embedding),
            )
        if names:
            self.names = nn.Embedding(names + 1, embedding)
            nn.init.zeros_(self.names.weight)

    def forward(self, ions: Ions) -> torch.Tensor:
        """Embeddings, shape (k, embedding)."""
        embedded = torch.zeros(())
        if self.structure is not None:
            scaled = (ions.vectors - self.mean) / self.scale
            embedded = self.structure(scaled.clamp(-_FARTHEST, _FARTHEST))
        if self.names is not None:
            known = (ions.names < self.strangers_begin)[:, None]
            if self.structure is not None and self.training:
                known = known & (torch.rand(known.shape) >= self.name_dropout)
            embedded = embedded + torch.where(known, self.names(ions.names), 0.0)
        return embedded


class PairNetwork(TargetModule):
    """Embeddings of both ions and their product, hidden layers, forms.

    Parameters
    ----------
    cations, anions : IonEncoder
    embedding : int
        Length of their embeddings.
    widths : sequence of int
        Of the hidden layers; the last is that of the latent vector.
    dropout : float
        Of hidden units.
    forms : sequence of str
        One a target (`leyden.models.property_forms.FORMS`).
    """

    output: PropertyForms

    def __init__(
        self,
        cations: IonEncoder,
        anions: IonEncoder,
        embedding: int,
        widths: Sequence[int],
        dropout: float,
        forms: Sequence[str],
    ) -> None:
        super().__init__(len(forms))
        self.cations, self.anions = cations, anions
        layers: list[nn.Module] = []
        for before, after in zip([3 * embedding, *widths], widths, strict=False):
            layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.SiLU()]
            layers += [nn.Dropout(dropout)]
        self.interaction = nn.Sequential(*layers)
        self.output = PropertyForms(widths[-1], forms)

    def encode(self, inputs: PairBatch) -> torch.Tensor:
        """Latent vectors of the pairs, shape (n, last width): no temperature, no pressure."""
        cation = self.cations(inputs.cations)[inputs.cation]
        anion = self.anions(inputs.anions)[inputs.anion]
        return self.interaction(torch.cat([cation, anion, cation * anion], dim=1))

    def forward(self, inputs: PairBatch) -> torch.Tensor:
        """Scaled targets, shape (n, t)."""
        return self.output(self.encode(inputs), inputs.temperature, inputs.pressure)

    def last_layer(self) -> str:
        """All of the output: a form may have weights of its own."""
        return "output."


class EncodedPairs(TargetModule):
    """A `PairNetwork` among ions that are known beforehand.

    Their embeddings, and what the first layer makes of each alone, are computed once; of a pair
    that layer then reads only the product of both embeddings.

    Parameters
    ----------
    network : PairNetwork
    cations, anions : Ions
    """

    def __init__(self, network: PairNetwork, cations: Ions, anions: Ions) -> None:
        super().__init__(len(network.target_mean))
        self.target_mean, self.target_scale = network.target_mean, network.target_scale
        first, *rest = network.interaction
        assert isinstance(first, nn.Linear), "an interaction begins with a layer of weights"
        of_cation, of_anion, self._of_both = first.weight.chunk(3, dim=1)
        self._cations, self._anions = network.cations(cations), network.anions(anions)
        self._added = self._cations @ of_cation.T + first.bias, self._anions @ of_anion.T
        self._rest, self.output = nn.Sequential(*rest), network.output

    def encode(self, inputs: PairPlaces) -> torch.Tensor:
        """As `PairNetwork.encode`."""
        both = self._cations.index_select(0, inputs.cation) * self._anions.index_select(
            0, inputs.anion
        )
        added = self._added[0].index_select(0, inputs.cation)
        added += self._added[1].index_select(0, inputs.anion)
        return self._rest(torch.addmm(added, both, self._of_both.T))  # type: ignore[no-any-return]

    def forward(self, inputs: PairPlaces) -> torch.Tensor:
        """As `PairNetwork.forward`."""
        return self.output(  # type: ignore[no-any-return]
            self.encode(inputs), inputs.temperature, inputs.pressure
        )
