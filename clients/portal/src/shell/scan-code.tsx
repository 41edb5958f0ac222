/**
 * Reads a QR code with the camera: by the browser where it can (BarcodeDetector), else with a library. Pictures stay in
 * this page. Whoever has no camera types the characters instead.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconCamera } from '@tabler/icons-react'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

interface ScanCodeProps {
  /** Called once with what the code says; the camera is off by then. */
  readonly onFound: (text: string) => void
}

type ReadFrame = (video: HTMLVideoElement) => Promise<string | undefined>

/** Not in the types of TypeScript yet: W3C Accelerated Shape Detection. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>
}
interface DetectorClass {
  new (options: { readonly formats: readonly string[] }): Detector
  getSupportedFormats(): Promise<readonly string[]>
}

const LOOK_EVERY_MS = 200
const WANTED = { video: { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 720 } } } as const

export function ScanCode({ onFound }: ScanCodeProps): ReactNode {
  const { t } = useWords()
  const [state, setState] = useState<'off' | 'on' | 'refused'>('off')
  if (state === 'on') {
    return (
      <div className="th-scan">
        <Camera
          onFound={(text) => {
            setState('off')
            onFound(text)
          }}
          onRefused={() => setState('refused')}
        />
        <p className="th-dimmed">{t('scan.line')}</p>
        <Button variant="default" onClick={() => setState('off')}>
          {t('scan.stop')}
        </Button>
      </div>
    )
  }
  return (
    <div className="th-scan">
      <Button variant="default" leftSection={<IconCamera size={18} aria-hidden />} onClick={() => setState('on')}>
        {t('scan.action')}
      </Button>
      {state === 'refused' ? <p role="alert">{t('scan.refused')}</p> : undefined}
    </div>
  )
}

function Camera({ onFound, onRefused }: ScanCodeProps & { readonly onRefused: () => void }): ReactNode {
  const { t } = useWords()
  const ref = useRef<HTMLVideoElement>(null)
  const answers = useRef({ onFound, onRefused })
  useEffect(() => {
    answers.current = { onFound, onRefused }
  })
  useEffect(() => {
    const video = ref.current
    if (video === null) return undefined
    const { signal, abort } = abortable()
    let stream: MediaStream | undefined
    const off = () => stream?.getTracks().forEach((track) => track.stop())
    const look = async () => {
      stream = await navigator.mediaDevices.getUserMedia(WANTED)
      if (signal.aborted) return off()
      video.srcObject = stream
      await video.play()
      const read = await frameReader()
      while (!signal.aborted) {
        const text = await read(video)
        if (signal.aborted) return
        if (text !== undefined && text !== '') {
          off()
          answers.current.onFound(text)
          return
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
      }
    }
    look().catch(() => {
      off()
      if (!signal.aborted) answers.current.onRefused()
    })
    return () => {
      abort()
      off()
    }
  }, [])
  return <video ref={ref} className="th-scan-picture" muted playsInline aria-label={t('scan.picture')} />
}

function abortable(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

async function frameReader(): Promise<ReadFrame> {
  const { BarcodeDetector } = globalThis as { readonly BarcodeDetector?: DetectorClass }
  if (BarcodeDetector !== undefined && (await BarcodeDetector.getSupportedFormats()).includes('qr_code')) {
    const detector = new BarcodeDetector({ formats: ['qr_code'] })
    return async (video) => (await detector.detect(video))[0]?.rawValue
  }
  const { decodeQR } = await import('qr/decode.js')
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (context === null) throw new TypeError('no canvas')
  return (video) => {
    const { videoWidth: width, videoHeight: height } = video
    if (width === 0 || height === 0) return Promise.resolve(undefined)
    Object.assign(canvas, { width, height })
    context.drawImage(video, 0, 0)
    try {
      return Promise.resolve(decodeQR(context.getImageData(0, 0, width, height)))
    } catch {
      // A picture without a code.
      return Promise.resolve(undefined)
    }
  }
}
