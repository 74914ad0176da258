import { compareVersions } from '../plugin-version-order.ts';

/** The versions of one plug-in (`plugins/*.jpi`); an empty version means unknown. */
export interface PluginState {
  /** Version of the archive in the image. */
  readonly image: string;
  /** Version of the archive in JENKINS_HOME; undefined when there is none. */
  readonly installed: string | undefined;
  /** The version that an image installed last, from the marker file; undefined when there is no marker. */
  readonly marker: string | undefined;
  /** Whether the image's file is named `*.override`. */
  readonly override: boolean;
}

/** Settings that allow more upgrades. */
export interface PluginPolicy {
  readonly forceUpgrade: boolean;
  readonly upgradeWithoutMarker: boolean;
}

export interface Decision {
  readonly action: 'INSTALLED' | 'UPGRADED' | 'SKIPPED';
  /** For the log. */
  readonly reason: string;
  /** Whether the action is logged even without VERBOSE. */
  readonly notable: boolean;
  /** Whether to write only the marker and leave the archive unchanged. */
  readonly adopt?: true;
}

/**
 * Decides by the rules of the official image. A plug-in from an image is upgraded with the image, and never downgraded. A
 * plug-in that was upgraded by hand, or not installed from an image, is left unchanged.
 */
export function decidePlugin(
  { image, installed, marker, override }: PluginState,
  policy: PluginPolicy,
): Decision {
  if (installed === undefined) return { action: 'INSTALLED', reason: known(image), notable: true };
  if (override)
    return { action: 'INSTALLED', reason: `${known(image)} overrides ${known(installed)}`, notable: true };
  if (marker === undefined && !policy.upgradeWithoutMarker)
    return {
      action: 'SKIPPED',
      reason: `${known(installed)} is installed and did not come from an image`,
      notable: false,
    };

  const versions = `image has ${known(image)}, installed is ${known(installed)}`;
  if (marker !== undefined && compareVersions(marker, installed) < 0) {
    const byHand = `${versions}, upgraded by hand from ${known(marker)}`;
    if (policy.forceUpgrade && compareVersions(installed, image) < 0)
      return { action: 'UPGRADED', reason: byHand, notable: true };
    return { action: 'SKIPPED', reason: byHand, notable: true };
  }
  const reason = marker === undefined ? `${versions}, no marker` : versions;
  const order = compareVersions(image, installed);
  if (order > 0) return { action: 'UPGRADED', reason, notable: true };
  if (order < 0) return { action: 'SKIPPED', reason, notable: true };
  return { action: 'SKIPPED', reason, notable: false, ...(marker === undefined ? { adopt: true } : {}) };
}

const known = (version: string): string => (version === '' ? 'an unknown version' : version);
