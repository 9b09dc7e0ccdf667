import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { entities } from '../entities.ts'
import { upDownCounter } from '../metrics.ts'

export const hostSignals = {
  cpuPhysicalCount: upDownCounter('system.cpu.physical.count', '{cpu}', 'Processor cores.'),
}

/** Name, operating system and hardware of the host. */
export const host: Collector<ServerClient> = {
  interval: '1h',
  timeout: '30s',
  async collect(client) {
    const facts = await client.facts()
    const { machine } = client
    const { hostnameProblem } = facts
    return {
      gaps: hostnameProblem === undefined ? [] : [{ scope: 'host.name', reason: hostnameProblem }],
      entities: [
        entities.host.entity({
          id: machine.entity.id,
          name: facts.hostname,
          attributes: {
            'host.name': facts.hostname,
            'host.id': machine.hashedId,
            'host.arch': facts.architecture,
            'host.cpu.model.name': facts.cpuModel,
            'host.cpu.vendor.id': facts.cpuVendor,
            'host.ip': facts.addresses,
            'host.mac': facts.hardwareAddresses,
            'os.type': facts.systemType,
            'os.name': facts.systemName,
            'os.version': facts.systemVersion,
            'os.description': facts.systemDescription,
            'server.kernel.release': facts.kernelRelease,
            'server.boot.id': facts.bootId,
            'server.manufacturer': facts.manufacturer,
            'server.model': facts.model,
            'server.hypervisor': facts.hypervisor,
          },
        }),
      ],
      metrics: [hostSignals.cpuPhysicalCount.point(facts.physicalCores, machine.entity)],
    }
  },
}
