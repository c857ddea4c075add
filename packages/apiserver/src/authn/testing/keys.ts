/** Made for tests; they sign nothing else. */
export const testKeys: readonly [string, string] = [`-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSl1Kj7gu+/zvfuds
AeIKq31/nuM6E6zPa7AMxc7Ux62hRANCAATbm13l2hGNatXHJIdBl/T1mUfzhdAu
b7WUtel1OL5sv4iC+M1hpRriSLlS+Rtl1zAxs8Gm+qTc63huaUL6ips2
-----END PRIVATE KEY-----
`, `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxbYOAMn5WbVgNb9n
h4s31vn5ujqEEIDeI4i4K9kDyvqhRANCAASy+P/92XJNyltZgs3+faufclzZqj+4
09bITucDRavUhPpKp9ewnjHynaNckqwHBbTpNz0wn7D+MQW8FgVX8eHJ
-----END PRIVATE KEY-----
`];
