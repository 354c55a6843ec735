import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const skaffold = parse(await readFile('skaffold.yaml', 'utf8'));
const artifacts: { image: string }[] = skaffold.build.artifacts;

// skaffold looks for containers whose image is, letter for letter, what it has built: tag and digest.
test.each(artifacts)(
  '$image runs under the name by which skaffold finds the pods to copy changed source into',
  ({ image }) => {
    const [release] = skaffold.deploy.helm.releases;
    const name = image.replace('/', '_');
    const service = image.replace('holdfast/', '');
    expect(release.setValueTemplates).toMatchObject({
      [`${service}.image.repository`]: `{{.IMAGE_REPO_${name}}}`,
      [`${service}.image.tag`]: `{{.IMAGE_TAG_${name}}}@{{.IMAGE_DIGEST_${name}}}`,
    });
  },
);
