"""What a LoRA adapter adds to a linear module on a processor: two matrix products a run of rows.

vLLM's CPU build (0.32) copies the adapter once for each row of a batch, and gives rows without an adapter the last one
that it holds. Rows of one request follow one another, so a run of rows that share an adapter is one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU


class RunProducts(PunicaWrapperCPU):
    """vLLM's interface to these products (``current_platform.get_punica_wrapper``)."""

    _runs: Sequence[tuple[int, int, int]] = ()

    def update_metadata(self, mapping: Any, *others: Any, **more: Any) -> None:
        """Note which rows of the coming batch have which adapter."""
        super().update_metadata(mapping, *others, **more)
        begins, lengths, slots = (part.tolist() for part in self.prefill_metadata[:3])
        self._runs = [
            (begin, begin + length, slot)
            for begin, length, slot in zip(begins, lengths, slots, strict=True)
            if slot >= 0
        ]

    def add_lora_linear(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: tuple[torch.Tensor, ...],
        lora_b_stacked: tuple[torch.Tensor, ...],
        scale: float,
        output_slices: tuple[int, ...],
        **_: Any,
    ) -> None:
        """Add the adapters' parts of a linear module to its output in place.

        Args:
            y: rows x out, of one module or of several whose outputs stand side by side, as in q, k and v.
            x: rows x in.
            lora_a_stacked: of each module, slots x 1 x rank x in.
            lora_b_stacked: of each module, slots x 1 x out x rank.
            output_slices: how wide each module's output is.
        """
        for begin, end, slot in self._runs:
            place = 0
            for a, b, width in zip(lora_a_stacked, lora_b_stacked, output_slices, strict=True):
                up = b[slot, 0]
                # A module that the adapter leaves alone has zeros here.
                if up.any():
                    # Added by the product itself: apart, the sum takes longer than both products.
                    y[begin:end, place : place + width].addmm_(x[begin:end] @ a[slot, 0].T, up.T, alpha=scale)
                place += width
