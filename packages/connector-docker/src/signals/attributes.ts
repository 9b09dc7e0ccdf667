/** Which container. */
export const container = {
  'container.id': 'Full id of the container.',
  'container.name': 'Name of the container.',
  'container.runtime': '`docker`.',
  'docker.compose.project': 'Name of the compose project.',
  'docker.compose.service': 'Name of the compose service.',
}

/** Which image. */
export const image = {
  'container.image.name': 'Reference from which the container was created, or the image’s first.',
  'container.image.tags': 'Tags of the image.',
  'container.image.id': 'Digest of the image’s configuration.',
  'container.image.repo_digests': 'Digests under which registries have it, as `repository@sha256:…`.',
}
