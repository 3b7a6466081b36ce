"""Words of the studies' pages that are ours or not everybody's."""

WORDS = {
    "centred rows": "each weight row's mean is taken off before the row is divided by its length (`center_rows`); ours, not "
                    "the paper's",
    "1/1.21": "1.2112 = √(π/(π − 1)) is the factor by which a layer of unit weight rows and N(0, 1) pre-activations, rectified "
              "and then normalized, lengthens gradients; the paper makes up for it by γ, which starts at 1/1.21",
    "Jacobian scale": "where 1/1.21 goes: where γ starts (as in the paper), into every forward pass (*fixed*), or nowhere "
                      "(*no*)",
    "pool moments": "behind max-pooling, the mean and standard deviation of a maximum of rectified Gaussians in place of "
                    "those of a single one",
    "noise of 64 values": "in training each unit is shifted and scaled at random, as statistics of so many values would do",
    "adaptive clipping": "a unit's gradient is shortened where it is longer than 0.02 times its weights",
    "decay of gamma and beta": "weight decay on γ and β as well",
    "batch data normalization": "the images of each batch are normalized with their own mean and standard deviation",
    "KS distance": "Kolmogorov and Smirnov's, the largest difference between two distribution functions",
    "canonical error": "how far the covariance Σ of a layer's pre-activations W·x is from a diagonal one, √(Σᵢ≠ⱼ Σᵢⱼ²)",
    "bound of Proposition 1": "σ²·μ·√(Σᵢ≠ⱼ ‖Wᵢ‖²‖Wⱼ‖²), an upper bound of the canonical error for inputs of covariance σ²·I",
    "coherence μ": "the largest absolute cosine between two weight rows of a layer",
    "effective smoothness β": "max over ε of ‖g − g(θ − εg)‖/‖εg‖, the largest change of the gradient g per distance along it",
}


def explained(text):
    """Those words that a text uses, as a section in Markdown; empty where it uses none."""
    used = [word for word in WORDS if word.lower() in text.lower()]
    # Meanings use words too.
    told = " ".join([text, *(WORDS[word] for word in used)]).lower()
    found = [f"- *{word}*: {meaning}." for word, meaning in WORDS.items() if word.lower() in told]
    return "**Words.**\n\n" + "\n".join(found) if found else ""
