import { useEffect, useState, type RefObject } from 'react';

/** An element's place and size in CSS pixels, and how many device pixels make one. */
export interface Room {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
}

export function useRoom(element: RefObject<HTMLElement | null>): Room {
  const [room, setRoom] = useState<Room>({ left: 0, top: 0, width: 1, height: 1, ratio: 1 });
  useEffect(() => {
    const measured = element.current!;
    const measure = (): void => {
      const { left, top } = measured.getBoundingClientRect();
      const { clientWidth: width, clientHeight: height } = measured;
      setRoom({ left, top, width, height, ratio: devicePixelRatio });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(measured);
    // Zooming changes the ratio and tells by a resize.
    addEventListener('resize', measure);
    return () => {
      observer.disconnect();
      removeEventListener('resize', measure);
    };
  }, [element]);
  return room;
}
