"""What a trained model is worth: tables over depth and width, likelihoods, calibration, looks inside."""
