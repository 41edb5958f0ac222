/**
 * The second act on a network of Fabric: organisations whose answers are wrong, and an orderer that is gone. Real
 * processes; after each step the network is as it was before.
 *
 * @module
 */
import { join } from 'node:path'
import type { NodeStatus } from '../../../../ledger/network/src/index.ts'
import type { Scene } from './cast.ts'
import { eventually, expectRefusal, expectSame, expectThat } from './expect.ts'
import { LyingContract } from './lying-contract.ts'
import type { Step } from './player.ts'
import { hba1c } from './texts.ts'

const wrongAnswers: Step<Scene> = {
  title: "one hospital's peer signs wrong answers",
  async play(scene) {
    const { stage } = scene
    const bob = scene.get('bob')
    const { recordId } = scene.get('result')
    const before = (await bob.read(recordId)).commitment.ehrHash
    const liars: LyingContract[] = []
    stage.holdNetwork()
    try {
      liars.push(await takeOver(scene, 1))
      const { commitment } = await bob.read(recordId)
      expectSame(Buffer.from(commitment.ehrHash).compare(before), 0, 'what Bob reads')
      // A second one, who lies differently: nobody has a majority any more.
      liars.push(await takeOver(scene, 0))
      const { code } = await expectRefusal(['ENDORSEMENT_DISAGREEMENT', 'ENDORSEMENT_QUORUM'], () => bob.read(recordId))
      return `outvoted, Bob reads on; two of three: ${code}`
    } finally {
      for (const liar of liars) await liar.close()
      stage.letNetworkRestart()
      await eventually('true answers again', async () => (await bob.read(recordId)).commitment, 60_000)
    }
  },
}

const leaderKilled: Step<Scene> = {
  title: 'kill the orderer that leads',
  async play(scene) {
    const { stage } = scene
    const leader = (await stage.networkNodes()).find(({ isLeader }) => isLeader)
    expectThat(leader !== undefined && leader.pid !== 0, 'an orderer leads')
    const startMs = performance.now()
    process.kill(leader.pid, 'SIGKILL')
    const { warrant } = scene.get('permission')
    const stored = await scene
      .get('alice')
      .store({ patient: scene.get('bob').ref, warrant, ehr: hba1c(46, 'no leader') })
    const tookMs = Math.ceil(performance.now() - startMs)
    const { ehr } = await scene.get('bob').read(stored.recordId)
    expectThat(ehr.length > 0, 'what was stored is there')
    await eventually('all nodes again', async () => {
      const nodes = await stage.networkNodes()
      return nodes.every(({ pid }) => pid !== 0) && nodes.some(({ isLeader }) => isLeader) ? true : undefined
    })
    return `${leader.name} is gone; stored and on the ledger in ${tookMs} ms`
  },
}

export const ATTACKS_ON_FABRIC: readonly Step<Scene>[] = [wrongAnswers, leaderKilled]

/** The contract's process of a hospital, ended and replaced. */
async function takeOver({ stage }: Scene, place: number): Promise<LyingContract> {
  const { mspId, slug } = stage.hospitalOf(place)
  const node = (await stage.networkNodes()).find((one) => one.kind === 'chaincode' && one.mspId === mspId)
  expectThat(node !== undefined && node.pid !== 0, 'the contract runs')
  process.kill(node.pid, 'SIGKILL')
  await eventually('its end', async () => ((await isDown(stage.networkNodes(), node)) ? true : undefined))
  return await LyingContract.start(stage.context.state.fabric, node, join(stage.attackFolder(), `contract-${slug}`))
}

async function isDown(nodes: Promise<readonly NodeStatus[]>, { name }: NodeStatus): Promise<boolean> {
  return (await nodes).find((one) => one.name === name)?.pid === 0
}
