import { event } from '@rca/core/connector'
import { container, image } from './attributes.ts'

const run = {
  'container.exit_code': 'Exit code.',
  'container.exit_signal': 'Name of the signal that the exit code stands for, such as `SIGKILL`.',
  'container.started_at': 'When the run began. ISO 8601.',
  'container.finished_at': 'When the run ended. ISO 8601.',
  'container.restart_count': 'How often the engine has restarted it by its policy.',
}

/** What happens on a Docker host. */
export const events = {
  containerCreated: event({
    name: 'container.created',
    severity: 'info',
    description: 'A container was created.',
    attributes: { ...container, ...image },
  }),
  containerStartFailed: event({
    name: 'container.start_failed',
    severity: 'error',
    description: 'A container could not be started.',
    attributes: {
      ...container,
      ...image,
      'container.exit_code': 'Exit code that the engine gives it.',
      'container.error': 'What the engine says was wrong, without secrets.',
    },
  }),
  containerStarted: event({
    name: 'container.started',
    severity: 'info',
    description: 'A container was started.',
    attributes: { ...container, ...image },
  }),
  containerExited: event({
    name: 'container.exited',
    severity: 'info',
    description: 'A container ended with exit code 0, or because it was asked to.',
    attributes: { ...container, ...image, ...run },
  }),
  containerCrashed: event({
    name: 'container.crashed',
    severity: 'error',
    description: 'A container ended with another exit code than 0, or for want of memory. Carries the evidence.',
    attributes: {
      ...container,
      ...image,
      ...run,
      'container.oom_killed': 'Whether the kernel killed it for want of memory.',
      'container.error': 'What the engine says was wrong.',
      'container.limit.memory': 'Bytes of memory that it might use.',
      'container.limit.cpu': 'Processors that it might use.',
      'container.memory.usage': 'Bytes of memory at the last look before the end.',
      'container.memory.usage_at': 'When that look was. ISO 8601.',
      'container.log': 'The end of the log of this run, 16 KiB at most, without secrets and escape sequences.',
      'container.log_missing': 'Why there is no log.',
    },
  }),
  containerOutOfMemory: event({
    name: 'container.oom',
    severity: 'critical',
    description: 'The kernel killed a process in a container at its limit of memory.',
    attributes: { ...container, 'container.limit.memory': 'Bytes of memory that it may use.' },
  }),
  containerKilled: event({
    name: 'container.killed',
    severity: 'info',
    description: 'A signal was sent to a container.',
    attributes: { ...container, 'container.signal': 'The signal.' },
  }),
  containerStopped: event({
    name: 'container.stopped',
    severity: 'info',
    description: 'A container was stopped by request.',
    attributes: container,
  }),
  containerRestarted: event({
    name: 'container.restarted',
    severity: 'info',
    description: 'A container was restarted by request.',
    attributes: container,
  }),
  containerPaused: event({
    name: 'container.paused',
    severity: 'info',
    description: 'A container was paused, or goes on: see the body.',
    attributes: { ...container, 'container.state': '`paused` or `running`.' },
  }),
  containerHealthChanged: event({
    name: 'container.health_changed',
    severity: 'info',
    description: 'A health check changed its mind.',
    attributes: {
      ...container,
      'container.health': '`healthy` or `unhealthy`.',
      'container.health.failing_streak': 'Health checks that failed in a row.',
      'container.health.output': 'What the last failed check wrote, without secrets.',
    },
  }),
  containerRemoved: event({
    name: 'container.removed',
    severity: 'info',
    description: 'A container was removed.',
    attributes: { ...container, ...image },
  }),
  containerRenamed: event({
    name: 'container.renamed',
    severity: 'info',
    description: 'A container got another name.',
    attributes: { ...container, 'container.previous_name': 'The name before.' },
  }),
  containerChanged: event({
    name: 'container.changed',
    severity: 'warning',
    description:
      'A container took the place of another of the same name or compose service, and differs from it; or its limits were updated.',
    attributes: {
      ...container,
      ...image,
      'change.fields':
        'What differs: `image`, `command`, `limits`, `environment`, `mounts`, `ports`, `restart_policy`, …',
      'change.previous_container_id': 'Id of the container before.',
      'change.image.old': 'Image before.',
      'change.image.new': 'Image now.',
      'change.image.old_id': 'Digest of the image’s configuration before.',
      'change.image.new_id': 'Digest of the image’s configuration now.',
      'change.image.old_digests': 'Digests in registries before.',
      'change.image.new_digests': 'Digests in registries now.',
      'change.environment.added': 'Names of variables that came.',
      'change.environment.removed': 'Names of variables that went.',
      'change.environment.changed': 'Names of variables whose value changed.',
      'change.limits': 'Each as `memory: 512 → 1024`.',
      'change.mounts.added': 'Mounts that came.',
      'change.mounts.removed': 'Mounts that went.',
      'change.ports.added': 'Ports that came.',
      'change.ports.removed': 'Ports that went.',
      'change.settings': 'Other settings, each as `restart_policy: no → always`.',
    },
  }),
  containerRestartLoop: event({
    name: 'container.restart_loop',
    severity: 'error',
    description:
      'A container ends and is restarted again and again. Counts what is not told one by one: ends, starts, and networks joined and left.',
    attributes: {
      ...container,
      ...run,
      'container.restart_loop.count': 'Ends of runs since the loop began.',
      'container.restart_loop.since': 'When the loop began. ISO 8601.',
    },
  }),
  imagePulled: event({
    name: 'docker.image.pulled',
    severity: 'info',
    description: 'An image was pulled.',
    attributes: { 'container.image.name': 'Reference of the image.' },
  }),
  imageTagged: event({
    name: 'docker.image.tagged',
    severity: 'info',
    description: 'An image got, or lost, a tag.',
    attributes: {
      'container.image.name': 'The tag, where the engine says which.',
      'container.image.id': 'Digest of the image’s configuration.',
      'docker.action': '`tag` or `untag`.',
    },
  }),
  imageDeleted: event({
    name: 'docker.image.deleted',
    severity: 'info',
    description: 'An image was deleted.',
    attributes: { 'container.image.id': 'Digest of the image’s configuration.' },
  }),
  networkChanged: event({
    name: 'docker.network.changed',
    severity: 'info',
    description: 'A network was created or removed, or a container connected or disconnected.',
    attributes: {
      ...container,
      'docker.network.name': 'Name of the network.',
      'docker.action': '`create`, `destroy`, `connect` or `disconnect`.',
    },
  }),
  volumeChanged: event({
    name: 'docker.volume.changed',
    severity: 'info',
    description: 'A volume was created or removed.',
    attributes: { 'docker.volume.name': 'Name of the volume.', 'docker.action': '`create` or `destroy`.' },
  }),
  eventsMissed: event({
    name: 'docker.engine.events_missed',
    severity: 'warning',
    description:
      'The engine could not be listened to for a while; what it no longer remembers of that time is missing.',
    attributes: {
      'docker.events.since': 'Until when all events are known. ISO 8601.',
      'docker.events.until': 'From when on all events are known again. ISO 8601.',
    },
  }),
}
