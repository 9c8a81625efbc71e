# Eight levels for each channel, drawn so that the mean stays; attack it with --eot-samples.
defence = dict(type='mmssl_robust.Dither', levels=8)
