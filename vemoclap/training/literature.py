"""What others measured on Ekman-6, to be put beside one's own numbers."""

# Test accuracy in percent, as collected by the paper (arXiv 2410.21303, table 1).
ACCURACIES = {
    "ITE": 51.20,
    "CFN": 51.80,
    "MART": 53.17,
    "VAANet": 55.30,
    "CTEN": 58.20,
    "KeyFrame": 59.51,
    "LRCANet": 59.78,
    "FAEIL": 60.44,
    "TAM": 61.00,
    "VEMOCLAP": 65.28,
}
PAPER = "VEMOCLAP"
CLEANING_GAIN = 2.6  # percentage points, from leaving the blacklist out of training and testing

# The paper's confusion matrix: a row per true emotion, shares of that row.
CONFUSION = (
    (0.70, 0.04, 0.10, 0.04, 0.06, 0.07),
    (0.08, 0.55, 0.13, 0.12, 0.05, 0.07),
    (0.09, 0.03, 0.72, 0.04, 0.06, 0.07),
    (0.04, 0.03, 0.05, 0.69, 0.03, 0.16),
    (0.02, 0.06, 0.20, 0.04, 0.61, 0.08),
    (0.09, 0.06, 0.09, 0.09, 0.02, 0.64),
)
